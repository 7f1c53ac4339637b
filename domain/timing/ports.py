"""What triggers ask of the outside: calendars."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.timing.cron import CronExpression


class CronCalendar(Protocol):
    """Walks the wall-clock times of cron expressions."""

    @abstractmethod
    def next_local(self, expression: CronExpression, after: datetime) -> datetime | None:
        """The first time the expression names strictly after `after`; both are naive local times.

        Knows nothing of zones: every day has 24 hours here. None if it `never` fires, or not until the year 9989.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendars:
    """All that triggers may ask, as one argument: a new kind of calendar changes no trigger."""

    cron: CronCalendar
