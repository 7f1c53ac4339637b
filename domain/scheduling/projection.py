"""When a schedule will fire within a span of time, if nothing changes: by the rules by which it then does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from domain.scheduling.policies import OverlapPolicy
from domain.scheduling.schedule import Schedule
from domain.scheduling.skip import Skip
from domain.timing.ports import Calendars
from domain.timing.spread import planned_at, window_end
from domain.timing.timetable import Timetable
from domain.timing.trigger import NO_TIME, TICK, Trigger

MOST_WALKED: Final = 2_000
"""Times of one schedule that are found one by one, where a trigger has no shortcut to them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectedFire:
    """A fire to come; one with a `skip` will not run. With a window it is in time up to `window_ends`."""

    nominal: datetime
    planned: datetime
    window_ends: datetime | None = None
    skip: Skip | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """The fires of one schedule whose planned times are in the span, in order.

    All are in `fires` if they are few; else only the first and the last. `count` and `skipped` are of all of them.
    `is_whole` is False if there are more, which could not be found out. `is_estimate`: times follow from how long runs
    take.
    """

    fires: Sequence[ProjectedFire]
    count: int
    skipped: int
    is_whole: bool = True
    is_estimate: bool = False
    is_alone: bool = True
    """Its runs never overlap."""

    @property
    def is_collapsed(self) -> bool:
        """Whether `fires` are only the first and the last of more."""
        return self.count > len(self.fires)

    @property
    def interval(self) -> timedelta | None:
        """From one fire to the next, on the average."""
        if self.count < 2:
            return None
        return (self.fires[-1].planned - self.fires[0].planned) / (self.count - 1)


def project(
    schedule: Schedule,
    trigger: Trigger,
    calendars: Calendars,
    span: tuple[datetime, datetime],
    most: int,
    run_time: timedelta = NO_TIME,
) -> Projection:
    """What comes from `span[0]` on and before `span[1]`, one by one up to `most` fires; a run takes `run_time`."""
    return _Projecting(schedule, trigger, calendars, span, most, run_time).projection()


@dataclass(frozen=True, slots=True)
class _Projecting:
    schedule: Schedule
    trigger: Trigger
    calendars: Calendars
    span: tuple[datetime, datetime]
    most: int
    run_time: timedelta

    def projection(self) -> Projection:
        if not self.schedule.active:
            return Projection(fires=(), count=0, skipped=0)
        return self._chain() if self.trigger.awaits_end else self._by_clock()

    def _by_clock(self) -> Projection:
        start, end = self.span
        begin = self._undecided_from()
        if begin is None:
            return self._told(Timetable(()), 0, 0)
        if self.trigger.max_executions is None:  # nothing before counts, but one may be moved into the span
            begin = max(begin, start - self.trigger.spread)
        state = self.schedule.state
        ends = end if self.schedule.changes_at is None else min(end, self.schedule.changes_at)
        table = self.trigger.between(begin, ends, state, self.calendars, MOST_WALKED)
        last = min(len(table), self._allowed(table))
        first = min(table.place(start), last)
        if first and self._fire(table, first - 1).planned >= start:
            first -= 1
        if last > first and self._fire(table, last - 1).planned >= end:
            last -= 1
        return self._told(table, first, last)

    def _undecided_from(self) -> datetime | None:
        """Its times before are decided; None if it has no more."""
        known, last = self.schedule.upcoming, self.schedule.state.last_nominal
        if known:
            return known[0]
        if self.schedule.exhausted:
            return None
        return self.span[0] if last is None else last + TICK

    def _allowed(self, table: Timetable) -> int:
        """How many of the times come before the limit on executions is reached; those that are skipped do not count."""
        limit = self.trigger.max_executions
        if limit is None:
            return len(table)
        allowed = max(limit - self.schedule.state.fired_count, 0)
        for skip in self.schedule.skips:
            place = table.place(skip.nominal)
            if place < min(allowed, len(table)) and table[place] == skip.nominal:
                allowed += 1
        return allowed

    def _told(self, table: Timetable, first: int, last: int) -> Projection:
        count = last - first
        places = range(first, last) if count <= self.most else (first, last - 1)
        skipped = sum(1 for nominal in self.schedule.skipped if self._has(table, nominal, first, last))
        return Projection(
            fires=[self._fire(table, place) for place in places],
            count=count,
            skipped=skipped,
            is_whole=table.is_whole,
            is_alone=self._is_alone,
        )

    def _has(self, table: Timetable, nominal: datetime, first: int, last: int) -> bool:
        place = table.place(nominal)
        return first <= place < last and table[place] == nominal

    def _fire(self, table: Timetable, place: int) -> ProjectedFire:
        nominal, spread = table[place], self.trigger.spread
        following: datetime | None = None
        if spread and place + 1 < len(table):
            following = table[place + 1]
        elif spread:
            state = replace(self.schedule.state, last_nominal=nominal)
            following = self.trigger.next_fire(nominal, state, self.calendars)
        return self._projected(nominal, self._at_change(following))

    def _at_change(self, following: datetime | None) -> datetime | None:
        """The next time, or that from which on the job is another."""
        known = [each for each in (following, self.schedule.changes_at) if each is not None]
        return min(known, default=None)

    def _projected(self, nominal: datetime, following: datetime | None) -> ProjectedFire:
        window = self.trigger.window
        return ProjectedFire(
            nominal=nominal,
            planned=planned_at(self.schedule.job_id, nominal, self.trigger.spread, following),
            window_ends=window_end(nominal, window, following) if window else None,
            skip=self.schedule.skipped.get(nominal),
        )

    @property
    def _is_alone(self) -> bool:
        return self.schedule.policy.overlap is not OverlapPolicy.ALLOW

    def _chain(self) -> Projection:
        """Where each time follows from the end of a run: the next one, and those that come if runs take their time."""
        start, end = self.span
        fires, is_whole = list[ProjectedFire](), True
        for n, fire in enumerate(self._links()):
            if fire.planned >= end:
                break
            if n == MOST_WALKED:
                is_whole = False
                break
            if fire.planned >= start:
                fires.append(fire)
        shown = fires if len(fires) <= self.most else [fires[0], fires[-1]]
        skipped = sum(1 for fire in fires if fire.skip)
        return Projection(fires=shown, count=len(fires), skipped=skipped, is_whole=is_whole, is_estimate=True)

    def _links(self) -> Iterator[ProjectedFire]:
        schedule, trigger = self.schedule, self.trigger
        state, left = schedule.state, trigger.max_executions
        left = None if left is None else left - state.fired_count
        if schedule.awaited is not None:
            state = replace(state, last_end=self.span[0] + self.run_time)
        after = state.last_nominal or trigger.look_from(self.span[0], state)
        nominal = schedule.upcoming[0] if schedule.upcoming else trigger.next_fire(after, state, self.calendars)
        changes_at = schedule.changes_at
        while nominal is not None and left != 0 and (changes_at is None or nominal < changes_at):
            fire = self._projected(nominal, changes_at)
            yield fire
            left = left if left is None or fire.skip else left - 1
            last_end = fire.planned if fire.skip else fire.planned + self.run_time
            state = replace(state, last_nominal=nominal, last_end=last_end)
            nominal = trigger.next_fire(nominal, state, self.calendars)
