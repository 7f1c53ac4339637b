"""The schedule of a job: the row that firing touches, with what is planned next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from domain.scheduling.ids import JobId, LaneId, OccurrenceId
from domain.scheduling.occurrence import Decision
from domain.scheduling.policies import FiringPolicy
from domain.timing.ports import Calendars
from domain.timing.trigger import Trigger, TriggerState, planned_at

PLANNED_AHEAD = 8
"""How many nominal times a schedule keeps, so that a due instant costs no evaluation of its trigger."""

REFILL_BELOW = 3
"""A schedule with fewer known times is refilled after its fire was committed."""

CATCH_UP_STEP = 500
"""How many missed fires one decision looks at; a longer gap is worked off in several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tail:
    """The last ledger entry of a schedule if it was a decision not to run, so that the next alike continues it."""

    occurrence_id: OccurrenceId
    decision: Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """The firing state of a job's present version. `upcoming` holds the next nominal times, oldest first, all in the
    future of
    `state.last_nominal`; empty = not computed, or none left when `exhausted`. `live` counts the tasks in the way of a
    fire.
    """

    job_id: JobId
    job_version: int
    lane: LaneId
    policy: FiringPolicy
    state: TriggerState
    upcoming: tuple[datetime, ...]
    active: bool = True
    exhausted: bool = False
    live: int = 0
    tail: Tail | None = None

    @property
    def due_at(self) -> datetime | None:
        """When it has to be looked at next: the planned time of its next fire; None = never.

        One whose known times are used up, and whose trigger may have more, is due at once.
        """
        if not self.active:
            return None
        if not self.upcoming:
            return None if self.exhausted else self.state.last_nominal
        following = self.upcoming[1] if len(self.upcoming) > 1 else None
        return planned_at(self.job_id, self.upcoming[0], self.policy.jitter, following)

    def runs_out(self, now: datetime) -> bool:
        """Whether what is known does not reach beyond `now`, so that the trigger has to be asked before deciding."""
        return not self.exhausted and (not self.upcoming or self.upcoming[-1] <= now)

    def extended(self, trigger: Trigger, calendars: Calendars, now: datetime) -> Schedule:
        """With the times up to `now` and `PLANNED_AHEAD` more, at most `CATCH_UP_STEP` in all."""
        upcoming = list(self.upcoming)
        while len(upcoming) < CATCH_UP_STEP:
            state = self._after(upcoming)
            more = trigger.upcoming(state.last_nominal or now, state, calendars, PLANNED_AHEAD)
            upcoming += more
            if len(more) < PLANNED_AHEAD:
                return replace(self, upcoming=tuple(upcoming), exhausted=True)
            if upcoming[-PLANNED_AHEAD] > now:
                break
        return replace(self, upcoming=tuple(upcoming))

    def refilled(self, trigger: Trigger, calendars: Calendars, now: datetime, *, skip_past: bool = False) -> Schedule:
        """With `PLANNED_AHEAD` known times, as far as the trigger has them; `skip_past`: only those after `now`."""
        missing = PLANNED_AHEAD - len(self.upcoming)
        if missing <= 0 or self.exhausted:
            return self
        state = self._after(self.upcoming)
        last = state.last_nominal or now
        more = trigger.upcoming(max(last, now) if skip_past else last, state, calendars, missing)
        return replace(self, upcoming=(*self.upcoming, *more), exhausted=len(more) < missing)

    def _after(self, upcoming: Sequence[datetime]) -> TriggerState:
        """The trigger's state once all of `upcoming` have fired."""
        if not upcoming:
            return self.state
        return replace(self.state, last_nominal=upcoming[-1], fired_count=self.state.fired_count + len(upcoming))
