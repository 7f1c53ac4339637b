"""Fires at equal distances of time, however long runs take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from domain.shared.errors import FieldProblem
from domain.timing.duration import format_duration
from domain.timing.ports import Calendars
from domain.timing.timetable import Stretch, Timetable, ticks
from domain.timing.trigger import NO_TIME, TICK, Trigger, TriggerState
from domain.timing.triggers.bounds import delay_problems, instant_problems, step_problems
from domain.timing.triggers.relative import first_time


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedRateTrigger(Trigger):
    """Fires at `anchor + n * every`, n = 0, 1, 2, …: elapsed time, whatever the clocks on walls do.

    Without an anchor the first time is `initial_delay` after the job's activation, or after `start_at` if that is
    later.
    """

    kind: ClassVar[str] = "FIXED_RATE"

    every: timedelta
    anchor: datetime | None = None
    initial_delay: timedelta = NO_TIME

    def __post_init__(self) -> None:
        Trigger.__post_init__(self)
        if self.anchor is not None:
            object.__setattr__(self, "anchor", self.anchor.astimezone(UTC))

    @property
    def is_relative(self) -> bool:
        return self.anchor is None

    def _table(self, start: datetime, end: datetime, state: TriggerState, calendars: Calendars, most: int) -> Timetable:
        first = self._next_nominal(start - TICK, state, calendars)
        if first is None or first >= end:
            return Timetable(())
        return Timetable([Stretch(ticks(first), range(0, (end - first) // TICK, self.every // TICK))])

    def _next_nominal(self, after: datetime, state: TriggerState, calendars: Calendars) -> datetime | None:
        first = self.anchor or first_time(self, self.initial_delay, after, state)
        passed = max((after - first) // self.every + 1, 0)
        try:
            return first + passed * self.every
        except OverflowError:  # beyond the year 9999
            return None

    def _problems(self) -> Sequence[FieldProblem]:
        problems = [*step_problems("every", self.every), *delay_problems("initialDelay", self.initial_delay)]
        if self.window > self.every > NO_TIME:
            detail = f"The window ({format_duration(self.window)}) must not be longer than every"
            detail += f" ({format_duration(self.every)})."
            problems.append(FieldProblem("/window", "OUT_OF_RANGE", detail))
        if self.anchor is not None:
            problems += instant_problems("anchor", self.anchor)
            if self.initial_delay:
                detail = "initialDelay counts from the activation, but the anchor says already where times begin."
                problems.append(FieldProblem("/initialDelay", "CONTRADICTION", detail))
        return problems
