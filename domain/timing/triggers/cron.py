"""Fires at the wall-clock times of a cron expression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import ClassVar

from domain.timing.cron import CronExpression
from domain.timing.cron_table import cron_table
from domain.timing.local_time import DEBIAN_CRON, DstRule, WallClock, first_instant_after
from domain.timing.ports import Calendars
from domain.timing.time_zone import TimeZone
from domain.timing.timetable import Timetable
from domain.timing.trigger import Trigger, TriggerState


@dataclass(frozen=True, slots=True, kw_only=True)
class CronTrigger(Trigger):
    """Fires at the wall-clock times of an expression in a zone."""

    kind: ClassVar[str] = "CRON"

    expression: CronExpression
    zone: TimeZone
    dst: DstRule = DEBIAN_CRON
    _rule: DstRule = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        Trigger.__post_init__(self)  # a slotted dataclass is a copy of its class, for which super() does not work
        rule = self.dst.settled(follows_elapsed_time=self.expression.has_wildcard_time)
        object.__setattr__(self, "_rule", rule)

    def wall_clocks(self, calendars: Calendars) -> Sequence[WallClock]:
        return (WallClock(self.zone, self._rule, partial(calendars.cron.next_local, self.expression)),)

    def _table(self, start: datetime, end: datetime, state: TriggerState, calendars: Calendars, most: int) -> Timetable:
        return cron_table(self.expression, self.zone, self._rule, start, end)

    def _next_nominal(self, after: datetime, state: TriggerState, calendars: Calendars) -> datetime | None:
        next_local = partial(calendars.cron.next_local, self.expression)
        return first_instant_after(after, self.zone, self._rule, next_local)
