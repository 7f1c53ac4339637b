"""The decision that each due fire of a schedule gets: misfire first, then overlap."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby

from domain.scheduling.occurrence import Decision
from domain.scheduling.policies import DEFAULT_CATCHUP_WINDOW, FiringPolicy, MisfirePolicy, OverlapPolicy
from domain.scheduling.schedule import Schedule
from domain.timing.trigger import planned_at


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedFire:
    """One decision about one nominal time."""

    nominal: datetime
    planned: datetime
    decision: Decision
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """What the due fires of one schedule came to: decisions oldest first, and the schedule as it is afterwards."""

    decisions: tuple[PlannedFire, ...]
    after: Schedule

    @property
    def runs(self) -> list[tuple[Decision, list[PlannedFire]]]:
        """Consecutive decisions of one kind together, as the ledger keeps them; each FIRED alone."""
        groups: list[tuple[Decision, list[PlannedFire]]] = []
        for decision, fires in groupby(self.decisions, key=lambda f: f.decision):
            if decision is Decision.FIRED:
                groups += [(decision, [fire]) for fire in fires]
            else:
                groups.append((decision, list(fires)))
        return groups


def decide(schedule: Schedule, now: datetime) -> Firing:
    """Decide every fire of `schedule` that is due at `now`. Ask `runs_out` first.

    Of several due fires all but the latest are late; the latest is late when older than the grace. While the known
    times do not
    reach beyond `now` (a very long gap), the last of them is left for the next decision, for only then is the latest
    known.
    """
    due = [n for n in schedule.upcoming if n <= now]
    planned = [_planned(schedule, n, i) for i, n in enumerate(due)]
    while planned and planned[-1] > now:  # jitter: its nominal time has come, its planned time has not
        due.pop(), planned.pop()
    if not due:
        return Firing(decisions=(), after=schedule)
    open_ended = len(due) == len(schedule.upcoming) and not schedule.exhausted and len(due) > 1
    if open_ended:
        due.pop(), planned.pop()
    judge = _JUDGES[schedule.policy.misfire.policy]
    verdicts = judge(schedule.policy, due, planned, now, open_ended)
    decisions = _with_overlap(schedule, verdicts)
    return Firing(decisions=tuple(decisions), after=_after(schedule, decisions, len(due)))


def _planned(schedule: Schedule, nominal: datetime, index: int) -> datetime:
    following = schedule.upcoming[index + 1] if index + 1 < len(schedule.upcoming) else None
    return planned_at(schedule.job_id, nominal, schedule.policy.jitter, following)


Judge = Callable[[FiringPolicy, Sequence[datetime], Sequence[datetime], datetime, bool], list[PlannedFire]]


def _fire_once(
    policy: FiringPolicy, due: Sequence[datetime], planned: Sequence[datetime], now: datetime, open_ended: bool
) -> list[PlannedFire]:
    fires = [_fire(n, p, Decision.COALESCED, "a later fire runs instead") for n, p in zip(due, planned, strict=True)]
    if not open_ended:
        window = policy.misfire.catchup_window
        if window is not None and now - planned[-1] > max(window, policy.misfire.grace):
            fires[-1] = _fire(due[-1], planned[-1], Decision.MISSED, _late(planned[-1], now, "its catch-up window"))
        else:
            fires[-1] = _fire(due[-1], planned[-1], Decision.FIRED)
    return fires


def _fire_all(
    policy: FiringPolicy, due: Sequence[datetime], planned: Sequence[datetime], now: datetime, _open_ended: bool
) -> list[PlannedFire]:
    window = policy.misfire.catchup_window
    window = DEFAULT_CATCHUP_WINDOW if window is None else window
    oldest_kept = len(due) - policy.misfire.max_fires
    fires = []
    for i, (nominal, at) in enumerate(zip(due, planned, strict=True)):
        if now - at > max(window, policy.misfire.grace):
            fires.append(_fire(nominal, at, Decision.MISSED, _late(at, now, "its catch-up window")))
        elif i < oldest_kept:
            fires.append(
                _fire(nominal, at, Decision.MISSED, f"only the latest {policy.misfire.max_fires} are caught up")
            )
        else:
            fires.append(_fire(nominal, at, Decision.FIRED))
    return fires


def _skip(
    policy: FiringPolicy, due: Sequence[datetime], planned: Sequence[datetime], now: datetime, open_ended: bool
) -> list[PlannedFire]:
    fires = [_fire(n, p, Decision.MISSED, _late(p, now, "its grace")) for n, p in zip(due, planned, strict=True)]
    if not open_ended and now - planned[-1] <= policy.misfire.grace:
        fires[-1] = _fire(due[-1], planned[-1], Decision.FIRED)
    return fires


_JUDGES: dict[MisfirePolicy, Judge] = {
    MisfirePolicy.FIRE_ONCE: _fire_once,
    MisfirePolicy.FIRE_ALL: _fire_all,
    MisfirePolicy.SKIP: _skip,
}


def _fire(nominal: datetime, planned: datetime, decision: Decision, reason: str | None = None) -> PlannedFire:
    return PlannedFire(nominal=nominal, planned=planned, decision=decision, reason=reason)


def _late(planned: datetime, now: datetime, bound: str) -> str:
    return f"late by {(now - planned).total_seconds():.0f} s, more than {bound}"


def _with_overlap(schedule: Schedule, fires: list[PlannedFire]) -> list[PlannedFire]:
    if schedule.policy.overlap is OverlapPolicy.ALLOW:
        return fires
    live, judged = schedule.live, []
    for fire in fires:
        if fire.decision is Decision.FIRED:
            if live:
                reason = f"{live} earlier task(s) still unfinished"
                judged.append(replace(fire, decision=Decision.SKIPPED_OVERLAP, reason=reason))
                continue
            live += 1
        judged.append(fire)
    return judged


def _after(schedule: Schedule, decisions: Sequence[PlannedFire], consumed: int) -> Schedule:
    fired = sum(1 for d in decisions if d.decision is Decision.FIRED)
    state = replace(
        schedule.state,
        last_nominal=schedule.upcoming[consumed - 1],
        fired_count=schedule.state.fired_count + fired,
    )
    # Known times assume that all of them fire. A limit on executions counts fires only: one that did not, makes room.
    exhausted = schedule.exhausted and fired == len(decisions)
    return replace(schedule, upcoming=schedule.upcoming[consumed:], state=state, exhausted=exhausted)
