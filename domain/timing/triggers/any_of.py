"""Fires whenever one of several triggers does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from itertools import groupby, islice
from typing import ClassVar, Final

from domain.shared.errors import FieldProblem, Invalid
from domain.shared.json_value import JsonText
from domain.timing.errors import InvalidTrigger
from domain.timing.event_pattern import EventPattern
from domain.timing.local_time import WallClock
from domain.timing.ports import Calendars
from domain.timing.timetable import Timetable
from domain.timing.trigger import Trigger, TriggerState

MOST_PARTS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyOfTrigger(Trigger):
    """The union of its parts; a time that several of them have is one. Each part may have bounds of its own.

    How often the job fires and by how much it may be late is for the union to say, not for its parts.
    """

    kind: ClassVar[str] = "ANY_OF"
    stands_alone: ClassVar[bool] = True

    triggers: tuple[Trigger, ...]

    @property
    def by_clock(self) -> bool:
        return all(part.by_clock for part in self.triggers)

    @property
    def is_relative(self) -> bool:
        return any(part.is_relative for part in self.triggers)

    @property
    def patterns(self) -> tuple[EventPattern, ...]:
        return tuple(dict.fromkeys(pattern for part in self.triggers for pattern in part.patterns))

    @property
    def brings_event(self) -> bool:
        return all(part.brings_event for part in self.triggers)

    def wall_clocks(self, calendars: Calendars) -> Sequence[WallClock]:
        return [clock for part in self.triggers for clock in part.wall_clocks(calendars)]

    def accepts(self, event_type: str, source: str, at: datetime) -> bool:
        return self._is_open(at) and any(part.accepts(event_type, source, at) for part in self.triggers)

    def wants(self, event_type: str, source: str, document: JsonText, at: datetime, calendars: Calendars) -> bool:
        wanted = (part.wants(event_type, source, document, at, calendars) for part in self.triggers)
        return self._is_open(at) and any(wanted)

    def closed_for(
        self, event_type: str, source: str, document: JsonText, at: datetime, calendars: Calendars
    ) -> str | None:
        if (reason := Trigger.closed_for(self, event_type, source, document, at, calendars)) is not None:
            return reason
        meant = [part for part in self.triggers if part.wants(event_type, source, document, at, calendars)]
        reasons = [part.closed_for(event_type, source, document, at, calendars) for part in meant]
        return None if None in reasons else next(iter(reasons), None)  # one that is open is enough

    def check_new(self, now: datetime, calendars: Calendars) -> None:
        refusals = list[Invalid]()
        for place, part in enumerate(self.triggers):
            try:
                part.check_new(now, calendars)
            except InvalidTrigger as refusal:
                refusals.append(refusal.under(f"/triggers/{place}"))
        if len(refusals) == len(self.triggers):  # dates in a list may pass, as long as some are left
            raise InvalidTrigger(*(problem for refusal in refusals for problem in refusal.problems))
        Trigger.check_new(self, now, calendars)

    def check_known(self, calendars: Calendars) -> None:
        Trigger.check_known(self, calendars)
        for place, part in enumerate(self.triggers):
            try:
                part.check_known(calendars)
            except Invalid as refusal:
                raise refusal.under(f"/triggers/{place}") from None

    @property
    def has_calendar(self) -> bool:
        return self.calendar is not None or any(part.has_calendar for part in self.triggers)

    def excluded(
        self, after: datetime, before: datetime | None, state: TriggerState, calendars: Calendars
    ) -> Iterator[tuple[datetime, str]]:
        of_parts = (part.excluded(after, before, state, calendars) for part in self.triggers)
        last: datetime | None = None
        for nominal, reason in merge(Trigger.excluded(self, after, before, state, calendars), *of_parts):
            if nominal != last and self._is_open(nominal):
                yield nominal, reason
            last = nominal

    def _table(self, start: datetime, end: datetime, state: TriggerState, calendars: Calendars, most: int) -> Timetable:
        parts = [part.between(start, end, state, calendars, most) for part in self.triggers]
        merged = (instant for instant, _ in groupby(merge(*parts)))
        found = list(islice(merged, most))
        whole = all(part.is_whole for part in parts) and next(merged, None) is None
        return Timetable.of(found, is_whole=whole)

    def _next_nominal(self, after: datetime, state: TriggerState, calendars: Calendars) -> datetime | None:
        times = (part.next_fire(after, state, calendars) for part in self.triggers)
        return min((time for time in times if time is not None), default=None)

    def _problems(self) -> Sequence[FieldProblem]:
        wrong = count_problems(len(self.triggers))
        if wrong:
            return wrong
        return [problem for place, part in enumerate(self.triggers) for problem in _misfits(f"/triggers/{place}", part)]


def count_problems(parts: int) -> list[FieldProblem]:
    """What is wrong with so many parts."""
    if 1 <= parts <= MOST_PARTS:
        return []
    detail = f"ANY_OF has {parts} triggers; allowed are 1 to {MOST_PARTS}."
    return [FieldProblem("/triggers", "OUT_OF_RANGE", detail)]


def not_combinable(pointer: str, kind: str) -> FieldProblem:
    """The trigger at `pointer` is of a type that stands alone."""
    detail = f"{kind} cannot be a part of ANY_OF. Parts are CRON, FIXED_RATE, ONE_TIME and EVENT."
    return FieldProblem(f"{pointer}/type", "NOT_COMBINABLE", detail)


def _misfits(pointer: str, part: Trigger) -> Iterator[FieldProblem]:
    if part.stands_alone:
        yield not_combinable(pointer, part.kind)
    if part.max_executions is not None:
        detail = "How often the job fires is counted over all parts: give maxExecutions beside triggers, not in them."
        yield FieldProblem(f"{pointer}/maxExecutions", "NOT_COMBINABLE", detail)
    for name, spread in (("jitter", part.jitter), ("window", part.window)):
        if spread:
            detail = f"The {name} is that of the job: give it beside triggers, not in them."
            yield FieldProblem(f"{pointer}/{name}", "NOT_COMBINABLE", detail)
