"""Fires again some time after the last run has ended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import ClassVar

from domain.shared.errors import FieldProblem
from domain.timing.ports import Calendars
from domain.timing.trigger import NO_TIME, Trigger, TriggerState
from domain.timing.triggers.bounds import delay_problems, step_problems
from domain.timing.triggers.relative import first_time


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedDelayTrigger(Trigger):
    """Fires `delay` after the end of the last run; the first time `initial_delay` after the job's activation.

    `start_at` counts like an activation. A run that has not ended is taken to have taken no time: callers who want the
    truth ask once it has. A time that has passed unused (the job was paused) is not caught up: `delay` counts anew.
    """

    kind: ClassVar[str] = "FIXED_DELAY"
    awaits_end: ClassVar[bool] = True
    stands_alone: ClassVar[bool] = True

    delay: timedelta
    initial_delay: timedelta = NO_TIME

    @property
    def is_relative(self) -> bool:
        return True

    def _next_nominal(self, after: datetime, state: TriggerState, calendars: Calendars) -> datetime | None:
        ended = max((instant for instant in (state.last_nominal, state.last_end) if instant is not None), default=None)
        try:
            if ended is None or (state.since is not None and ended < state.since):
                nominal = first_time(self, self.initial_delay, after, state)
            else:
                nominal = ended + self.delay
            return nominal if nominal > after else after + self.delay
        except OverflowError:  # beyond the year 9999
            return None

    def _once_open(self, opens: datetime, state: TriggerState, calendars: Calendars) -> datetime | None:
        return opens  # the delay is over: the run waits for the calendar, and the chain goes on

    def excluded(
        self, after: datetime, before: datetime | None, state: TriggerState, calendars: Calendars
    ) -> Iterator[tuple[datetime, str]]:
        return islice(Trigger.excluded(self, after, before, state, calendars), 1)

    def _problems(self) -> Sequence[FieldProblem]:
        return [*step_problems("delay", self.delay), *delay_problems("initialDelay", self.initial_delay)]
