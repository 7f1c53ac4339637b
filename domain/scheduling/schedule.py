"""The schedule of a job: the row that firing touches, with what is planned next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice

from domain.scheduling.excluded import Excluded, excluded_between
from domain.scheduling.excluded import due_at as exclusion_due_at
from domain.scheduling.ids import JobId, LaneId, OccurrenceId, TaskId
from domain.scheduling.occurrence import Decision
from domain.scheduling.policies import FiringPolicy
from domain.scheduling.skip import Skip
from domain.timing.ports import Calendars
from domain.timing.spread import planned_at, window_end
from domain.timing.trigger import TICK, Trigger, TriggerState

PLANNED_AHEAD = 8
"""How many nominal times a schedule keeps, so that a due instant costs no evaluation of its trigger."""

REFILL_BELOW = 3
"""A schedule with fewer known times is refilled after its fire was committed."""

CATCH_UP_STEP = 500
"""How many missed fires one decision works off; a longer gap takes several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tail:
    """The last ledger entry of a schedule if it was a decision not to run, so that the next alike continues it."""

    occurrence_id: OccurrenceId
    decision: Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """The firing state of a job's present version.

    `upcoming` holds the next nominal times, oldest first, all after `state.last_nominal`: what the trigger says whether
    those before fire or not, so that a limit on executions does not shorten it. `exhausted`: no more come after these.
    `excluded` holds what calendars take out before, between and after them, as far as the ledger has yet to hear of it.
    `awaited` is the run that has to end before the next time is known. `live` counts the tasks in the way of a fire,
    `waiting` the fires that wait for their turn, `reserved` those of them that the limit on executions will count.
    From `changes_at` on the job will be another: its times end before, and then it has to be looked at.
    `skips` are single fires to be left out, oldest first; those whose time is over stay until the next is added.
    """

    job_id: JobId
    job_version: int
    lane: LaneId
    policy: FiringPolicy
    state: TriggerState
    upcoming: tuple[datetime, ...]
    excluded: tuple[Excluded, ...] = ()
    active: bool = True
    exhausted: bool = False
    live: int = 0
    waiting: int = 0
    reserved: int = 0
    tail: Tail | None = None
    awaited: TaskId | None = None
    skips: tuple[Skip, ...] = ()
    changes_at: datetime | None = None

    @property
    def due_at(self) -> datetime | None:
        """When it has to be looked at next: for a fire, a time that a calendar takes out, or a change; None = never."""
        own = self._due_at
        if self.changes_at is None:
            return own
        return self.changes_at if own is None else min(own, self.changes_at)

    def changes_by(self, now: datetime) -> bool:
        """Whether the job has to become another before more of it is decided."""
        return self.changes_at is not None and self.changes_at <= now

    def changing(self, at: datetime | None, trigger: Trigger, calendars: Calendars, now: datetime) -> Schedule:
        """With its times ending before `at`; None = they go on."""
        upcoming = tuple(n for n in self.upcoming if at is None or n < at)
        excluded = tuple(each for each in self.excluded if at is None or each.first < at)
        free = replace(self, upcoming=upcoming, excluded=excluded, exhausted=False, changes_at=at)
        return free.refilled(trigger, calendars, now, skip_past=not self.active)

    def changed(self, at: datetime, *, anew: bool, awaits_end: bool) -> Schedule:
        """As it is when the job has become another at `at`: what comes from then on is yet to be found.

        `anew`: relative times count from there. With `awaits_end` times go on from the end of the last run.
        """
        last, before = self.state.last_nominal, at - TICK
        last = last if awaits_end or (last is not None and last > before) else before
        state = replace(self.state, last_nominal=last, since=at if anew else self.state.since)
        return replace(self, upcoming=(), excluded=(), exhausted=False, changes_at=None, state=state)

    @property
    def _due_at(self) -> datetime | None:
        if not self.active:
            return None
        until = self.upcoming[0] if self.upcoming else None
        fires, excluded = self._fires_at, exclusion_due_at(self.excluded, until) if self.excluded else None
        return fires if excluded is None or (fires is not None and fires <= excluded) else excluded

    @property
    def next_fire_at(self) -> datetime | None:
        """The planned time of its next fire; None if there is none, or none is known."""
        return self.planned(0) if self.active and self.upcoming else None

    @property
    def _fires_at(self) -> datetime | None:
        """One whose known times are used up, and whose trigger may have more, is due at once."""
        if not self.upcoming:
            return None if self._knows_all else self.state.last_nominal
        if len(self.upcoming) == 1 and not self._knows_all and not self.policy.awaits_end:
            return self.upcoming[0]  # how far jitter may move it depends on the time after it, which is not known yet
        return self.planned(0)

    @property
    def is_low(self) -> bool:
        """Whether its trigger should be asked for more times before that is urgent."""
        return not self._knows_all and len(self.upcoming) < min(REFILL_BELOW, self._ahead)

    @property
    def _ahead(self) -> int:
        """How many times may be known: where each follows from the end of a run, only the next one."""
        return 1 if self.policy.awaits_end else PLANNED_AHEAD

    @property
    def _knows_all(self) -> bool:
        """The trigger has nothing to add for now."""
        return self.exhausted or self.awaited is not None

    def planned(self, index: int) -> datetime:
        """When `upcoming[index]` is to start: moved by jitter or within its window, never beyond the one after it."""
        return planned_at(self.job_id, self.upcoming[index], self.policy.spread, self._following(index))

    def in_time_until(self, index: int) -> datetime:
        """From when on `upcoming[index]` is late, by however little: its planned time, or the end of its window."""
        if not self.policy.window:
            return self.planned(index)
        return window_end(self.upcoming[index], self.policy.window, self._following(index))

    def _following(self, index: int) -> datetime | None:
        return self.upcoming[index + 1] if index + 1 < len(self.upcoming) else self.changes_at

    @property
    def skipped(self) -> Mapping[datetime, Skip]:
        """The fires to be left out, by their nominal times."""
        return {skip.nominal: skip for skip in self.skips}

    def skipping(self, skip: Skip) -> Schedule:
        """With one fire to be left out, unless it is so already."""
        if skip.nominal in self.skipped:
            return self
        last = self.state.last_nominal
        kept = [other for other in self.skips if last is None or other.nominal > last]
        return replace(self, skips=tuple(sorted([*kept, skip], key=lambda each: each.nominal)))

    def not_skipping(self, nominal: datetime) -> Schedule:
        """With that fire again."""
        return replace(self, skips=tuple(skip for skip in self.skips if skip.nominal != nominal))

    def will_reach(self, nominal: datetime, trigger: Trigger, calendars: Calendars, now: datetime) -> bool:
        """Whether `nominal` is one of its times, and not decided yet.

        Where each time follows from the end of a run, only the next one is known, if it is.
        """
        if nominal in self.upcoming:
            return self.active or nominal > now
        if self.policy.awaits_end or nominal <= now:
            return False
        return trigger.next_fire(nominal - TICK, self.state, calendars) == nominal

    def runs_out(self, now: datetime) -> bool:
        """Whether what is known does not reach beyond `now`, so that the trigger has to be asked before deciding."""
        if not self.active or self._knows_all:
            return False
        return not self.upcoming or (self.upcoming[-1] <= now and not self.policy.awaits_end)

    def extended(self, trigger: Trigger, calendars: Calendars, now: datetime) -> Schedule:
        """With the times up to `now` and `PLANNED_AHEAD` more.

        Of a very long gap only so many that `CATCH_UP_STEP` can be worked off, however many of the latest may run.
        """
        if self.policy.awaits_end:
            return self.refilled(trigger, calendars, now)
        most = CATCH_UP_STEP + self.policy.misfire.most_fires
        jumped = self._jumped(trigger, calendars, now, most)
        if len(jumped.upcoming) >= most:
            return jumped
        upcoming, excluded = list(jumped.upcoming), list(self.excluded)
        for nominal, before in jumped._further(trigger, calendars, now):
            excluded += before
            if nominal is None:
                break
            upcoming.append(nominal)
            if len(upcoming) >= most or (len(upcoming) >= PLANNED_AHEAD and upcoming[-PLANNED_AHEAD] > now):
                return replace(self, upcoming=tuple(upcoming), excluded=tuple(excluded))
        return replace(self, upcoming=tuple(upcoming), excluded=tuple(excluded), exhausted=True)

    def _jumped(self, trigger: Trigger, calendars: Calendars, now: datetime, most: int) -> Schedule:
        """With the times up to `now`, `most` at most, as far as the trigger can tell them all at once.

        Found one by one, those of a day of minutes take a third of a second.
        """
        last = self.upcoming[-1] if self.upcoming else self.state.last_nominal
        if last is None or trigger.has_calendar:  # whose excluded times are found between those one by one
            return self
        missing = max(most - len(self.upcoming), 0)
        until = now if self.changes_at is None else min(now, self.changes_at)
        table = trigger.between(last + TICK, until, replace(self.state, last_nominal=last), calendars, missing)
        return replace(self, upcoming=(*self.upcoming, *islice(table, missing)))

    def refilled(self, trigger: Trigger, calendars: Calendars, now: datetime, *, skip_past: bool = False) -> Schedule:
        """With `PLANNED_AHEAD` known times, as far as the trigger has them; `skip_past`: only those after `now`."""
        missing = self._ahead - len(self.upcoming)
        if missing <= 0 or self._knows_all:
            return self
        upcoming, excluded = list(self.upcoming), list(self.excluded)
        for nominal, before in islice(self._further(trigger, calendars, now, skip_past=skip_past), missing):
            excluded += before
            if nominal is not None:
                upcoming.append(nominal)
        exhausted = len(upcoming) < self._ahead
        return replace(self, upcoming=tuple(upcoming), excluded=tuple(excluded), exhausted=exhausted)

    def _further(
        self, trigger: Trigger, calendars: Calendars, now: datetime, *, skip_past: bool = False
    ) -> Iterator[tuple[datetime | None, Sequence[Excluded]]]:
        """The nominal times after the known ones; after `now` if nothing was ever planned; None once it has no more.

        Each with what calendars take out before it.
        """
        last = self.upcoming[-1] if self.upcoming else self.state.last_nominal
        state = replace(self.state, last_nominal=last)
        after = trigger.look_from(now, state) if last is None or (skip_past and last < now) else last
        told = self.excluded[-1].last if self.excluded else after
        nominal: datetime | None = after
        while nominal is not None:
            nominal = self._before_change(trigger.next_fire(after, state, calendars))
            before: Sequence[Excluded] = ()
            if trigger.has_calendar:
                until = self.changes_at if nominal is None else nominal
                found = excluded_between(trigger, max(after, told), until, state, calendars)
                before = () if found is None else (found,)
            yield nominal, before
            if nominal is not None:
                after, state = nominal, replace(state, last_nominal=nominal)

    def _before_change(self, nominal: datetime | None) -> datetime | None:
        return None if nominal is None or (self.changes_at is not None and nominal >= self.changes_at) else nominal
