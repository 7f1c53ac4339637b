"""Fires when the jobs it depends on say so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from domain.timing.ports import Calendars
from domain.timing.trigger import Trigger, TriggerState


@dataclass(frozen=True, slots=True, kw_only=True)
class DependencyTrigger(Trigger):
    """Knows no time: one fire for each run in which the dependencies are satisfied."""

    kind: ClassVar[str] = "DEPENDENCY"
    stands_alone: ClassVar[bool] = True

    @property
    def by_clock(self) -> bool:
        return False

    def _next_nominal(self, after: datetime, state: TriggerState, calendars: Calendars) -> datetime | None:
        return None
