"""What all triggers share: values that say when a job fires, purely from what they are given."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from typing import ClassVar, Final

from domain.shared.errors import FieldProblem, Invalid
from domain.shared.json_value import JsonText
from domain.timing.calendar import END_OF_TIME, LONGEST_SEARCH, MOST_STEPS, ExclusionCalendar, too_much
from domain.timing.duration import format_duration
from domain.timing.errors import InvalidTrigger
from domain.timing.event_pattern import EventPattern
from domain.timing.local_time import WallClock
from domain.timing.ports import Calendars
from domain.timing.timetable import Timetable

TICK: Final = timedelta(microseconds=1)
COMPARED_WITH_WINDOW: Final = 10
"""Fires to come whose distances a window must not exceed."""
NO_TIME: Final = timedelta(0)
MOST_EXECUTIONS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerState:
    """What has happened so far, all instants in UTC: the last nominal time, the last run's end, the number of fires.

    `since` is the instant from which relative times count: the job's activation, or the last change of its trigger.
    """

    last_nominal: datetime | None = None
    last_end: datetime | None = None
    fired_count: int = 0
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger(ABC):
    """When to fire. Nominal times lie from `start_at` to `end_at`, both included, at most `max_executions` of them.

    `jitter` or `window` spreads the planned times (see `planned_at`); nominal times know nothing of it. A fire is late
    from its planned time on, with a window from the end of that. `calendar` takes nominal times out. Instants are kept
    in UTC.
    Raises `InvalidTrigger` with all problems.
    """

    kind: ClassVar[str]
    """The type's public name, for example `CRON`."""
    recurs: ClassVar[bool] = True
    """False for one that has a single time: missing that means that it never fires."""
    awaits_end: ClassVar[bool] = False
    """Its next time follows from the end of the run of the last fire, and is not known before."""
    stands_alone: ClassVar[bool] = False
    """It cannot be one of several triggers of a job."""

    start_at: datetime | None = None
    end_at: datetime | None = None
    max_executions: int | None = None
    jitter: timedelta = NO_TIME
    window: timedelta = NO_TIME
    calendar: ExclusionCalendar | None = None

    def __post_init__(self) -> None:
        problems = list[FieldProblem]()
        for name, pointer, instant in (("start_at", "/startAt", self.start_at), ("end_at", "/endAt", self.end_at)):
            if instant is not None and instant.tzinfo is None:
                detail = f"{pointer[1:]} ({instant.isoformat()}) needs an offset, for example {instant.isoformat()}Z."
                problems.append(FieldProblem(pointer, "NO_OFFSET", detail))
            elif instant is not None:
                object.__setattr__(self, name, instant.astimezone(UTC))
        if not problems and self.start_at is not None and self.end_at is not None and self.end_at <= self.start_at:
            detail = f"endAt ({self.end_at.isoformat()}) must be after startAt ({self.start_at.isoformat()})."
            problems.append(FieldProblem("/endAt", "OUT_OF_ORDER", detail))
        if self.max_executions is not None and not 1 <= self.max_executions <= MOST_EXECUTIONS:
            allowed = f"allowed are numbers from 1 to {MOST_EXECUTIONS}, or none at all"
            detail = f"maxExecutions is {self.max_executions}; {allowed}."
            problems.append(FieldProblem("/maxExecutions", "OUT_OF_RANGE", detail))
        for name, spread in (("jitter", self.jitter), ("window", self.window)):
            if spread < NO_TIME:
                problems.append(FieldProblem(f"/{name}", "OUT_OF_RANGE", f"{name} must not be negative."))
        if self.jitter and self.window:
            detail = "Give either jitter, by which each fire is moved, or window, within which each may start."
            problems.append(FieldProblem("/window", "CONTRADICTION", detail))
        problems += self._problems()
        if problems:
            raise InvalidTrigger(*problems)

    @property
    def spread(self) -> timedelta:
        """By how much planned times may come after nominal ones."""
        return self.window or self.jitter

    @property
    def by_clock(self) -> bool:
        """False for triggers that fire for other reasons, too: that no time is left is not their end."""
        return True

    @property
    def is_relative(self) -> bool:
        """Whether times count from `TriggerState.since`; that instant itself may be the first of them."""
        return False

    @property
    def patterns(self) -> tuple[EventPattern, ...]:
        """The events that may make it fire."""
        return ()

    @property
    def brings_event(self) -> bool:
        """Whether each of its fires is caused by an event."""
        return False

    def wall_clocks(self, calendars: Calendars) -> Sequence[WallClock]:
        """The local times it goes by, for one that goes by local times: what a change of clocks does to it."""
        return ()

    def next_fire(self, after: datetime, state: TriggerState, calendars: Calendars) -> datetime | None:
        """The first nominal time strictly after `after` (aware), in UTC, microsecond exact; None if there is none."""
        if after.tzinfo is None:
            raise ValueError(f"an instant needs a time zone: {after.isoformat()}")
        after = after.astimezone(UTC)  # Python compares and converts times of one zone by the clock on its wall
        if self.max_executions is not None and state.fired_count >= self.max_executions:
            return None
        if self.start_at is not None and after < self.start_at:
            after = self.start_at - TICK
        if self.end_at is not None and after >= self.end_at:
            return None
        nominal = self._next_nominal(after, state, calendars)
        if nominal is not None and nominal <= after:  # a type of a package: whoever walks its times would never end
            raise ValueError(f"{self.kind} says {nominal.isoformat()} comes after {after.isoformat()}")
        if self.calendar is not None and nominal is not None:
            nominal = self._first_open(self.calendar, nominal, state, calendars)
        return nominal if nominal is None or self.end_at is None or nominal <= self.end_at else None

    def _first_open(
        self, calendar: ExclusionCalendar, first: datetime, state: TriggerState, calendars: Calendars
    ) -> datetime | None:
        """The first nominal time from `first` on that the calendar leaves. Raises `InvalidTrigger` as it does."""
        nominal = first
        for _ in range(MOST_STEPS):
            opens = calendar.opens_at(nominal, calendars)
            if opens <= nominal:
                return nominal
            if opens >= END_OF_TIME:
                return None
            if opens - first > LONGEST_SEARCH:
                break
            following = self._once_open(opens, state, calendars)
            if following is None or (self.end_at is not None and following > self.end_at):
                return None
            nominal = following
        raise too_much(nominal)

    def _once_open(self, opens: datetime, state: TriggerState, calendars: Calendars) -> datetime | None:
        """The next nominal time once the calendar that took one out is open again, `opens` included."""
        return self._next_nominal(opens - TICK, state, calendars)

    @property
    def has_calendar(self) -> bool:
        """Whether times may be taken out of what it says."""
        return self.calendar is not None

    def excluded(
        self, after: datetime, before: datetime | None, state: TriggerState, calendars: Calendars
    ) -> Iterator[tuple[datetime, str]]:
        """The times between these two, both left out, that a calendar takes out, in order, each with the reason."""
        if self.calendar is None or (self.max_executions is not None and state.fired_count >= self.max_executions):
            return
        if self.start_at is not None and after < self.start_at:
            after = self.start_at - TICK
        while (nominal := self._next_nominal(after, state, calendars)) is not None:
            if (before is not None and nominal >= before) or (self.end_at is not None and nominal > self.end_at):
                return
            if (found := self.calendar.exclusion(nominal, calendars)) is not None:
                yield nominal, found.reason
            after = nominal

    def upcoming(self, after: datetime, state: TriggerState, calendars: Calendars, count: int) -> list[datetime]:
        """Up to `count` nominal times after `after` in order, as they come if each fires and its run takes no time."""
        found = list[datetime]()
        while len(found) < count and (nominal := self.next_fire(after, state, calendars)) is not None:
            found.append(nominal)
            after = nominal
            state = replace(state, last_nominal=nominal, fired_count=state.fired_count + 1)
        return found

    def between(
        self, start: datetime, end: datetime, state: TriggerState, calendars: Calendars, most: int
    ) -> Timetable:
        """The nominal times from `start` on and before `end`, as if each fired; `max_executions` is not counted down.

        Of those that can only be found one by one at most `most`.
        """
        if self.max_executions is not None and state.fired_count >= self.max_executions:
            return Timetable(())
        first = start if self.start_at is None else max(start, self.start_at)
        last = end if self.end_at is None else min(end, self.end_at + TICK)
        table = self._table(first, last, state, calendars, most) if first < last else Timetable(())
        if table is None:
            return self._walked(first, last, state, calendars, most)
        return table if self.calendar is None else _left_by(self.calendar, table, calendars, most)

    def _table(
        self, start: datetime, end: datetime, state: TriggerState, calendars: Calendars, most: int
    ) -> Timetable | None:
        """A shortcut of the type to its times, None if there is none; the limits that all triggers share are kept."""
        return None

    def _walked(
        self, start: datetime, end: datetime, state: TriggerState, calendars: Calendars, most: int
    ) -> Timetable:
        found, after = list[datetime](), start - TICK
        while (nominal := self.next_fire(after, state, calendars)) is not None and nominal < end:
            if len(found) == most:
                return Timetable.of(found, is_whole=False)
            found.append(nominal)
            after, state = nominal, replace(state, last_nominal=nominal)
        return Timetable.of(found)

    def look_from(self, now: datetime, state: TriggerState) -> datetime:
        """After which instant `next_fire` finds what may still fire at `now`.

        That is `now`, but at the instant from which relative times count it is just before: the first may be then.
        """
        return now - TICK if self.is_relative and state.since == now else now

    def accepts(self, event_type: str, source: str, at: datetime) -> bool:
        """Whether an event that has come `at` this instant makes it fire; `max_executions` is not looked at."""
        return self._is_open(at) and any(pattern.matches(event_type, source) for pattern in self.patterns)

    def wants(self, event_type: str, source: str, document: JsonText, at: datetime, calendars: Calendars) -> bool:
        """Whether it accepts an event and, if it has a filter, the whole of it matches."""
        return self.accepts(event_type, source, at)

    def closed_for(
        self, event_type: str, source: str, document: JsonText, at: datetime, calendars: Calendars
    ) -> str | None:
        """Why a calendar takes out an event that it wants; None if none does."""
        found = None if self.calendar is None else self.calendar.exclusion(at, calendars)
        return None if found is None else found.reason

    def check_known(self, calendars: Calendars) -> None:
        """Raises `Invalid` for what it names and nobody here knows."""
        if self.calendar is not None:
            try:
                self.calendar.check(calendars)
            except Invalid as refusal:
                raise refusal.under("/calendar") from None

    def check_new(self, now: datetime, calendars: Calendars) -> None:
        """Raises `InvalidTrigger` if a job that begins with it at `now` could never fire, or has too long a window."""
        if self.end_at is not None and self.end_at < now:
            detail = f"endAt ({self.end_at.isoformat()}) has passed: it is {now.isoformat()}."
            raise InvalidTrigger(FieldProblem("/endAt", "IN_THE_PAST", detail))
        state = TriggerState(since=now)
        after = self.look_from(now, state)
        if self.window and not self.awaits_end:
            self._check_window(self.upcoming(after, state, calendars, COMPARED_WITH_WINDOW))
        bounded = self.start_at is not None or self.end_at is not None
        if not (self.has_calendar or bounded) or self.next_fire(after, state, calendars) is not None:
            return
        if (taken := next(self.excluded(after, None, state, calendars), None)) is not None:
            detail = f"The calendar takes out every time; the first is {taken[0].isoformat()}: {taken[1]}."
            raise InvalidTrigger(FieldProblem("/calendar", "EXCLUDES_EVERYTHING", detail))
        if self.by_clock and bounded:
            end = "on" if self.end_at is None else f"to endAt ({self.end_at.isoformat()})"
            detail = f"It has no time from {max(now, self.start_at or now).isoformat()} {end}."
            raise InvalidTrigger(FieldProblem("/startAt" if self.end_at is None else "/endAt", "NEVER_FIRES", detail))

    def _check_window(self, coming: Sequence[datetime]) -> None:
        distances = [following - nominal for nominal, following in pairwise(coming)]
        if distances and self.window > max(distances):
            detail = f"The window is longer than any time between two of the next {len(coming)} fires: at most "
            raise InvalidTrigger(FieldProblem("/window", "OUT_OF_RANGE", f"{detail}{format_duration(max(distances))}."))

    def _is_open(self, at: datetime) -> bool:
        return (self.start_at is None or self.start_at <= at) and (self.end_at is None or at <= self.end_at)

    def _problems(self) -> Sequence[FieldProblem]:
        """What is wrong with the fields of the type, beside those that all triggers have."""
        return ()

    @abstractmethod
    def _next_nominal(self, after: datetime, state: TriggerState, calendars: Calendars) -> datetime | None:
        """The rule of the type, without the limits that all triggers share."""


def _left_by(calendar: ExclusionCalendar, table: Timetable, calendars: Calendars, most: int) -> Timetable:
    """What the calendar leaves of the first `most` times."""
    left = [nominal for nominal in islice(table, most) if calendar.exclusion(nominal, calendars) is None]
    return Timetable.of(left, is_whole=table.is_whole and len(table) <= most)
