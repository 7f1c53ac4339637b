"""When it fires: a value that needs nothing but what it is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import ClassVar

from domain.shared.errors import FieldProblem
from domain.timing.local_time import DEBIAN_CRON, WallClock, first_instant_after
from domain.timing.ports import Calendars
from domain.timing.time_zone import TimeZone
from domain.timing.trigger import Trigger, TriggerState

DAY = timedelta(days=1)
LAST_YEAR = 9998


@dataclass(frozen=True, slots=True, kw_only=True)
class LastWorkdayTrigger(Trigger):
    """Fires at `at` on the clocks of `zone`, on the day that is `days_before` workdays before a month's last one."""

    kind: ClassVar[str] = "LAST_WORKDAY"

    at: time
    zone: TimeZone
    days_before: int = 0

    def wall_clocks(self, calendars: Calendars) -> Sequence[WallClock]:
        return (WallClock(self.zone, DEBIAN_CRON.settled(follows_elapsed_time=False), self._next_local),)

    def _next_nominal(self, after: datetime, state: TriggerState, calendars: Calendars) -> datetime | None:
        rule = DEBIAN_CRON.settled(follows_elapsed_time=False)
        return first_instant_after(after, self.zone, rule, self._next_local)

    def _next_local(self, after: datetime) -> datetime | None:
        year, month = after.year, after.month
        while year <= LAST_YEAR:
            year, month = (year, month + 1) if month < 12 else (year + 1, 1)
            local = self._before(datetime.combine(date(year, month, 1), self.at))
            if local > after:
                return local
        return None

    def _before(self, first_of_next: datetime) -> datetime:
        local, left = first_of_next, self.days_before + 1
        while left:
            local -= DAY
            left -= local.weekday() < 5
        return local

    def _problems(self) -> Sequence[FieldProblem]:
        problems = []
        if self.at.tzinfo is not None:
            problems.append(FieldProblem("/at", "HAS_OFFSET", "at has no offset: the zone is timeZone."))
        if not 0 <= self.days_before <= 15:
            detail = f"daysBefore is {self.days_before}; allowed are 0 to 15."
            problems.append(FieldProblem("/daysBefore", "OUT_OF_RANGE", detail))
        return problems
