"""What a backfill shall make up for, and how fast: a value, and the walk over its times."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice

from domain.scheduling.priority import LOWEST, Priority
from domain.shared.errors import FieldProblem, raise_all
from domain.timing.ports import Calendars
from domain.timing.trigger import TICK, Trigger, TriggerState

LONGEST_SPAN = timedelta(days=3660)
MOST_LIVE = 1000
MOST_PER_MINUTE = 60_000

STRETCH = 250
"""Times that are known ahead, and so the most that one transaction decides: a year of minutes needs no more memory."""

_FIRST_WIDTH = timedelta(days=1)


class BackfillOrder(StrEnum):
    """Which of the times comes first."""

    OLDEST_FIRST = "OLDEST_FIRST"
    NEWEST_FIRST = "NEWEST_FIRST"


class BackfillOverlap(StrEnum):
    """WAIT: each time waits until no task of the job is live, whatever caused it. ALLOW: beside others."""

    WAIT = "WAIT"
    ALLOW = "ALLOW"


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillPlan:
    """The nominal times from `begin` up to, not including, `end`, none of which may lie in the future.

    With `force` even those that have fired. At most `max_live` of its tasks are live at once, at most `per_minute` are
    created in a minute; they have `priority`, which is the lowest unless somebody wants it otherwise.
    """

    begin: datetime
    end: datetime
    order: BackfillOrder = BackfillOrder.OLDEST_FIRST
    overlap: BackfillOverlap = BackfillOverlap.WAIT
    max_live: int = 4
    per_minute: int | None = None
    force: bool = False
    priority: Priority = LOWEST

    def __post_init__(self) -> None:
        problems: list[FieldProblem] = []
        if self.end <= self.begin:
            detail = f"to ({self.end.isoformat()}) must be after from ({self.begin.isoformat()})."
            problems.append(FieldProblem("/to", "OUT_OF_ORDER", detail))
        elif self.end - self.begin > LONGEST_SPAN:
            detail = f"A backfill spans at most {LONGEST_SPAN.days} days; do this in several."
            problems.append(FieldProblem("/to", "OUT_OF_RANGE", detail))
        if not 1 <= self.max_live <= MOST_LIVE:
            detail = f"maxLive is {self.max_live}; allowed is 1 to {MOST_LIVE}."
            problems.append(FieldProblem("/maxLive", "OUT_OF_RANGE", detail))
        if self.per_minute is not None and not 1 <= self.per_minute <= MOST_PER_MINUTE:
            detail = f"maxPerMinute is {self.per_minute}; allowed is 1 to {MOST_PER_MINUTE}, or none for no limit."
            problems.append(FieldProblem("/maxPerMinute", "OUT_OF_RANGE", detail))
        raise_all(problems)

    def check(self, now: datetime) -> None:
        """Raises `Invalid` for a span that reaches into the future: what is still to come fires by itself."""
        if self.end > now:
            detail = (
                f"to ({self.end.isoformat()}) lies in the future; it is {now.isoformat()}. Later times fire anyway."
            )
            raise_all([FieldProblem("/to", "IN_THE_FUTURE", detail)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """The next times of a walk in its order. `frontier`: up to where it has looked; `is_last`: nothing lies beyond."""

    times: tuple[datetime, ...]
    frontier: datetime
    is_last: bool


@dataclass(frozen=True, slots=True)
class Walk:
    """Over the nominal times that a trigger has in a plan's span; relative times count from `since`."""

    plan: BackfillPlan
    trigger: Trigger
    calendars: Calendars
    since: datetime | None

    def after(self, frontier: datetime | None) -> Stretch:
        """The next `STRETCH` times or fewer; None begins. Costs some hundred evaluations, however long the span is."""
        if self.plan.order is BackfillOrder.OLDEST_FIRST:
            return self._forwards(frontier)
        return self._backwards(self.plan.end if frontier is None else frontier)

    def times(self, after: datetime | None, end: datetime) -> Iterator[datetime]:
        """Ascending, from the beginning of the span if `after` is None, all before `end`."""
        at = self.plan.begin - TICK if after is None else after
        state = TriggerState(since=self.since)
        while (nominal := self.trigger.next_fire(at, state, self.calendars)) is not None and nominal < end:
            yield nominal
            at = nominal

    def _forwards(self, frontier: datetime | None) -> Stretch:
        times = tuple(islice(self.times(frontier, self.plan.end), STRETCH))
        if len(times) < STRETCH:
            return Stretch(times=times, frontier=self.plan.end, is_last=True)
        return Stretch(times=times, frontier=times[-1], is_last=False)

    def _backwards(self, end: datetime) -> Stretch:
        """Triggers only know what comes next: so a piece before `end` is walked, as wide as the times allow."""
        width = _FIRST_WIDTH
        while True:
            begin = max(self.plan.begin, end - width)
            times = tuple(islice(self.times(begin - TICK, end), STRETCH + 1))
            if len(times) > STRETCH:
                width = min(times[STRETCH // 2] - begin, width / 2)
            elif times or begin == self.plan.begin:
                return Stretch(times=times[::-1], frontier=begin, is_last=begin == self.plan.begin)
            else:
                end, width = begin, width * 4
