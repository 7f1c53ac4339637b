"""Fires when somebody asks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from domain.timing.ports import Calendars
from domain.timing.trigger import Trigger, TriggerState


@dataclass(frozen=True, slots=True, kw_only=True)
class ManualTrigger(Trigger):
    """Never fires by itself."""

    kind: ClassVar[str] = "MANUAL"
    stands_alone: ClassVar[bool] = True

    @property
    def by_clock(self) -> bool:
        return False

    def _next_nominal(self, after: datetime, state: TriggerState, calendars: Calendars) -> datetime | None:
        return None
