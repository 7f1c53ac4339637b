"""The decision that each due fire of a schedule gets: misfire first, then overlap."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby

from domain.scheduling.excluded import Excluded, after_noting, has_begun
from domain.scheduling.ids import RunId
from domain.scheduling.limits import NO_KEYS, TaskKeys
from domain.scheduling.occurrence import Decision
from domain.scheduling.overlap import Verdict, judge_overlap
from domain.scheduling.policies import DEFAULT_CATCHUP_WINDOW, Misfire, MisfirePolicy, OverlapPolicy
from domain.scheduling.schedule import Schedule
from domain.scheduling.skip import Skip
from domain.scheduling.task import Origin
from domain.shared.json_value import JsonText
from domain.timing.spread import planned_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """What made a fire that no clock has planned; `parameters` None = the job's own, and so are `keys`.

    The rest is for a fire inside a run: which run, and whether its task still waits for what it depends on, how long.
    """

    fire_key: str
    origin: Origin
    parameters: JsonText | None = None
    keys: TaskKeys = NO_KEYS
    run_id: RunId | None = None
    waits: bool = False
    wait_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedFire:
    """One decision about one nominal time."""

    nominal: datetime
    planned: datetime
    decision: Decision
    reason: str | None = None
    cause: Cause | None = None
    count: int = 1
    last: datetime | None = None
    """It stands for `count` nominal times up to this one, if there are several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """What the due fires of one schedule came to: decisions oldest first, and the schedule as it is afterwards."""

    decisions: tuple[PlannedFire, ...]
    after: Schedule

    @property
    def ends_others(self) -> bool:
        """Whether the earlier tasks of the job are to be cancelled for it."""
        return self.after.policy.overlap.ends_others and any(fire.decision.runs for fire in self.decisions)

    @property
    def runs(self) -> list[tuple[Decision, list[PlannedFire]]]:
        """Consecutive decisions of one kind together, as the ledger keeps them; each that runs alone."""
        groups: list[tuple[Decision, list[PlannedFire]]] = []
        if len(self.decisions) == 1:  # nearly always
            return [(self.decisions[0].decision, [self.decisions[0]])]
        for decision, fires in groupby(self.decisions, key=lambda f: f.decision):
            if decision.runs:
                groups += [(decision, [fire]) for fire in fires]
            else:
                groups.append((decision, list(fires)))
        return groups


def decide(schedule: Schedule, now: datetime, most: int | None = None) -> Firing:
    """Decide every fire of `schedule` that is due at `now`; with `most`, those after so many that run stay due.

    Ask `runs_out` first.

    Of several due fires all but the latest are late; the latest is late when older than the grace. While the known
    times do not reach beyond `now` (a very long gap), so many of the last ones are left for the next decision as may
    run in the end: only the very latest do, and those are not known yet.

    What calendars take out is noted as soon as its first time has come, in its place among the fires.
    """
    firing = _decide_fires(schedule, now, most)
    return _with_excluded(schedule.excluded, firing, now) if schedule.excluded and schedule.active else firing


def _decide_fires(schedule: Schedule, now: datetime, most: int | None) -> Firing:
    if not schedule.active or _limit_reached(schedule):
        return Firing(decisions=(), after=_at_rest(schedule))
    nominal = [n for n in schedule.upcoming if n <= now]
    if schedule.policy.spread:
        due = [_Due(n, schedule.planned(i), schedule.in_time_until(i)) for i, n in enumerate(nominal)]
    else:
        due = [_Due(n, n, n) for n in nominal]
    skipped = schedule.skipped
    if due and due[-1].planned > now:  # jitter or a window: its nominal time has come, its planned time has not
        due.pop()
    kept = schedule.policy.misfire.most_fires
    open_ended = len(due) == len(schedule.upcoming) > kept and not schedule.exhausted
    if open_ended:
        candidates = [i for i, d in enumerate(due) if d.nominal not in skipped][-kept:]
        due = due[: candidates[0]] if candidates else due
    if not due:
        return Firing(decisions=(), after=schedule)
    verdicts = _judged(schedule, skipped, due, now, open_ended)
    decisions = _until(_with_overlap(schedule, verdicts), _left(schedule), most)
    return _after(schedule, decisions, now)


def _judged(
    schedule: Schedule, skipped: Mapping[datetime, Skip], due: Sequence[_Due], now: datetime, open_ended: bool
) -> list[PlannedFire]:
    """Each by the misfire policy, for which those that somebody has skipped are not there."""
    judge, misfire = _JUDGES[schedule.policy.late_policy], schedule.policy.misfire
    wanted = [d for d in due if d.nominal not in skipped] if skipped else due
    verdicts = iter(judge(misfire, wanted, now, open_ended) if wanted else ())
    return [
        d.decided(Decision.SKIPPED_BY_USER, skip.words) if (skip := skipped.get(d.nominal)) else next(verdicts)
        for d in due
    ]


def decide_at_once(schedule: Schedule, causes: Sequence[Cause], now: datetime) -> Firing:
    """Decide fires that came by `now` without having been planned; what the clock has planned stays as it is."""
    if not schedule.active or _limit_reached(schedule):
        return Firing(decisions=(), after=schedule)
    planned = planned_at(schedule.job_id, now, schedule.policy.spread, None)
    fires = [PlannedFire(nominal=now, planned=planned, decision=Decision.FIRED, cause=cause) for cause in causes]
    decisions = _until(_with_overlap(schedule, fires), _left(schedule), None)
    state = replace(schedule.state, fired_count=schedule.state.fired_count + _fired(decisions))
    return Firing(decisions=tuple(decisions), after=_at_rest(replace(schedule, state=state)))


def _with_excluded(known: tuple[Excluded, ...], firing: Firing, now: datetime) -> Firing:
    after = firing.after
    until = after.upcoming[0] if after.upcoming else None
    noted = [
        PlannedFire(
            nominal=each.first,
            planned=each.first,
            decision=Decision.SKIPPED_CALENDAR,
            reason=each.reason,
            count=each.count,
            last=each.last,
        )
        for each in known
        if not each.noted and has_begun(each, until, now)
    ]
    decisions = sorted([*firing.decisions, *noted], key=lambda fire: fire.nominal) if noted else firing.decisions
    left = after_noting(known, until, now) if after.excluded else ()
    return replace(firing, decisions=tuple(decisions), after=replace(after, excluded=left))


@dataclass(frozen=True, slots=True)
class _Due:
    nominal: datetime
    planned: datetime
    in_time_until: datetime

    def late_by(self, now: datetime) -> timedelta:
        return now - self.in_time_until

    def decided(self, decision: Decision, reason: str | None = None) -> PlannedFire:
        return PlannedFire(nominal=self.nominal, planned=self.planned, decision=decision, reason=reason)

    def missed(self, now: datetime, bound: str) -> PlannedFire:
        late = self.late_by(now).total_seconds()
        return self.decided(Decision.MISSED, f"late by {late:.0f} s, more than {bound}")


Judge = Callable[[Misfire, Sequence[_Due], datetime, bool], list[PlannedFire]]
"""With `open_ended` later fires are due as well, at least as many as may run: none of these does."""


def _fire_once(misfire: Misfire, due: Sequence[_Due], now: datetime, open_ended: bool) -> list[PlannedFire]:
    fires = [d.decided(Decision.COALESCED, _LATER_DUE) for d in (due if open_ended else due[:-1])]
    if not open_ended:
        latest, window = due[-1], misfire.catchup_window
        if window is not None and latest.late_by(now) > max(window, misfire.grace):
            fires.append(latest.missed(now, "its catch-up window"))
        else:
            fires.append(latest.decided(Decision.FIRED))
    return fires


def _fire_all(misfire: Misfire, due: Sequence[_Due], now: datetime, open_ended: bool) -> list[PlannedFire]:
    window = DEFAULT_CATCHUP_WINDOW if misfire.catchup_window is None else misfire.catchup_window
    oldest_run = len(due) if open_ended else len(due) - misfire.max_fires
    fires = []
    for i, fire in enumerate(due):
        if fire.late_by(now) > max(window, misfire.grace):
            fires.append(fire.missed(now, "its catch-up window"))
        elif i < oldest_run:
            fires.append(fire.decided(Decision.MISSED, f"only the latest {misfire.max_fires} are caught up"))
        else:
            fires.append(fire.decided(Decision.FIRED))
    return fires


def _skip(misfire: Misfire, due: Sequence[_Due], now: datetime, open_ended: bool) -> list[PlannedFire]:
    fires = [d.decided(Decision.MISSED, _LATER_DUE) for d in (due if open_ended else due[:-1])]
    if not open_ended:
        latest = due[-1]
        on_time = latest.late_by(now) <= misfire.grace
        fires.append(latest.decided(Decision.FIRED) if on_time else latest.missed(now, "its grace"))
    return fires


_LATER_DUE = "a later fire was due as well"

_JUDGES: dict[MisfirePolicy, Judge] = {
    MisfirePolicy.FIRE_ONCE: _fire_once,
    MisfirePolicy.FIRE_ALL: _fire_all,
    MisfirePolicy.SKIP: _skip,
}


def _with_overlap(schedule: Schedule, fires: list[PlannedFire]) -> list[PlannedFire]:
    policy, room = schedule.policy.overlap, _room(schedule)
    alone = len(fires) == 1 and not schedule.live  # nearly always
    if not schedule.reserved and (policy is OverlapPolicy.ALLOW or alone):
        return fires
    last = max((i for i, fire in enumerate(fires) if fire.decision is Decision.FIRED), default=-1)
    live, waiting, judged = schedule.live, schedule.waiting, []
    for i, fire in enumerate(fires):
        if fire.decision is Decision.FIRED:
            verdict = judge_overlap(policy, live, waiting, is_last=i == last)
            if room is not None and verdict.decision.runs:
                verdict = verdict if room > 0 else _all_taken(schedule)
                room -= verdict.decision.runs
            if verdict.decision is not Decision.FIRED:
                fire = replace(fire, decision=verdict.decision, reason=verdict.reason)
            live += verdict.decision.runs
            waiting += verdict.decision is Decision.BUFFERED
        judged.append(fire)
    return judged


def _until(fires: list[PlannedFire], left: int | None, most: int | None) -> list[PlannedFire]:
    """Up to the fire with which all that were `left` have fired, or `most` run."""
    fired = [i for i, fire in enumerate(fires) if fire.decision is Decision.FIRED]
    runs = [i for i, fire in enumerate(fires) if fire.decision.runs]
    ends = [places[n - 1] for places, n in ((fired, left), (runs, most)) if n is not None and len(places) >= n]
    return fires[: min(ends) + 1] if ends else fires


def _left(schedule: Schedule) -> int | None:
    """How many fires the limit on executions leaves, None = any number; after them the trigger has no more times."""
    limit = schedule.policy.max_executions
    return None if limit is None else limit - schedule.state.fired_count


def _room(schedule: Schedule) -> int | None:
    """The same without those that wait for their turn, and will count when they have it. One that ends the others takes
    the place of these.
    """
    left = _left(schedule)
    return left if left is None or schedule.policy.overlap.ends_others else left - schedule.reserved


def _all_taken(schedule: Schedule) -> Verdict:
    reason = f"{schedule.state.fired_count} of at most {schedule.policy.max_executions} executions have begun"
    return Verdict(Decision.BUFFER_DROPPED, f"{reason}, and others wait for their turn")


def _fired(decisions: Sequence[PlannedFire]) -> int:
    """One that waits for its turn counts when that has come."""
    return sum(1 for d in decisions if d.decision is Decision.FIRED)


def _limit_reached(schedule: Schedule) -> bool:
    left = _left(schedule)
    return left is not None and left <= 0


def _at_rest(schedule: Schedule) -> Schedule:
    return replace(schedule, upcoming=(), excluded=(), exhausted=True) if _limit_reached(schedule) else schedule


def _after(schedule: Schedule, decisions: Sequence[PlannedFire], now: datetime) -> Firing:
    count = schedule.state.fired_count + _fired(decisions)
    state = replace(schedule.state, last_nominal=decisions[-1].nominal, fired_count=count)
    if schedule.policy.awaits_end and not any(d.decision.runs for d in decisions):
        state = replace(state, last_end=now)  # what makes no task ends here, so that there is a next time
    after = replace(schedule, upcoming=schedule.upcoming[len(decisions) :], state=state)
    return Firing(decisions=tuple(decisions), after=_at_rest(after))
