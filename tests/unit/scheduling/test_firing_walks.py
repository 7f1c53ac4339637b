"""Whole histories: a schedule is looked at again and again, at any times, and every nominal time gets one decision."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from domain.scheduling.firing import PlannedFire, decide
from domain.scheduling.occurrence import Decision
from domain.scheduling.policies import FiringPolicy, Misfire, MisfirePolicy, OverlapPolicy
from domain.scheduling.schedule import CATCH_UP_STEP, REFILL_BELOW, Schedule
from domain.timing.spread import planned_at
from domain.timing.trigger import Trigger, TriggerState
from tests.builders import CALENDARS, DAY, HOUR, JOB_ID, MINUTE, NOON, SECOND, TimesTrigger, cron, every, schedule
from tests.unit.scheduling.strategies import firing_policies, times_triggers

looks = st.lists(
    st.sampled_from([SECOND, 30 * SECOND, MINUTE, 5 * MINUTE, HOUR, 12 * HOUR, 3 * DAY]), min_size=1, max_size=12
)
"""The pauses between two looks at a schedule."""


@dataclass(slots=True)
class Walk:
    """One schedule through time, looked at as the planner does; tasks stay unfinished until the next look."""

    trigger: Trigger
    schedule: Schedule
    now: datetime = NOON
    steps: int = 0

    def look(self, pause: timedelta) -> list[PlannedFire]:
        """Everything that is decided `pause` later."""
        self.now += pause
        state = self.schedule.state
        began = replace(state, fired_count=state.fired_count + self.schedule.reserved)  # and has ended as well
        self.schedule = replace(self.schedule, state=began, live=0, waiting=0, reserved=0)
        if began.fired_count == self.schedule.policy.max_executions:
            self.schedule = replace(self.schedule, upcoming=(), exhausted=True)
        return list(self._decisions())

    def _decisions(self) -> Iterator[PlannedFire]:
        while (due_at := self.schedule.due_at) is not None and due_at <= self.now:
            self.steps += 1
            assert self.steps < 10_000, "the schedule stays due for ever"
            if self.schedule.runs_out(self.now):
                self.schedule = self.schedule.extended(self.trigger, CALENDARS, self.now)
            firing = decide(self.schedule, self.now)
            yield from firing.decisions
            after, waiting = firing.after, sum(f.decision is Decision.BUFFERED for f in firing.decisions)
            waiting += after.waiting
            live = after.live + sum(f.decision.runs for f in firing.decisions)
            self.schedule = replace(after, live=live, waiting=waiting, reserved=waiting)
        if len(self.schedule.upcoming) < REFILL_BELOW:
            self.schedule = self.schedule.refilled(self.trigger, CALENDARS, self.now)


def begin(trigger: Trigger, policy: FiringPolicy) -> Walk:
    return Walk(trigger, schedule(policy=policy).refilled(trigger, CALENDARS, NOON))


def planned(trigger: TimesTrigger, policy: FiringPolicy) -> dict[datetime, datetime]:
    following = [*trigger.times[1:], None]
    return {n: planned_at(JOB_ID, n, policy.spread, f) for n, f in zip(trigger.times, following, strict=True)}


def in_time(trigger: TimesTrigger, policy: FiringPolicy) -> dict[datetime, datetime]:
    """From when each counts as late."""
    if not policy.window:
        return planned(trigger, policy)
    following = [*trigger.times[1:], datetime.max.replace(tzinfo=UTC)]
    return {n: min(n + policy.window, f) for n, f in zip(trigger.times, following, strict=True)}


@given(times_triggers(), firing_policies(), looks)
@settings(max_examples=80)
def test_every_nominal_time_gets_one_decision_in_order_when_its_planned_time_has_come(
    trigger: TimesTrigger, policy: FiringPolicy, pauses: list[timedelta]
) -> None:
    walk, plan = begin(trigger, policy), planned(trigger, policy)
    decided = list[PlannedFire]()
    for pause in pauses:
        decided += walk.look(pause)
        assert [d.nominal for d in decided] == [n for n, at in plan.items() if at <= walk.now]
    assert all(d.planned == plan[d.nominal] for d in decided)
    assert walk.schedule.state.fired_count + walk.schedule.reserved == sum(d.decision.runs for d in decided)


def verdicts(rule: Misfire, due: Sequence[datetime], now: datetime) -> list[Decision]:
    """The rule of misfires once more, for all fires due at one look and however many steps that takes."""
    late = [now - at for at in due]
    unset = DAY if rule.policy is MisfirePolicy.FIRE_ALL else timedelta.max
    window = max(unset if rule.catchup_window is None else rule.catchup_window, rule.grace)
    match rule.policy:
        case MisfirePolicy.FIRE_ALL:
            runs = [passed <= window for passed in late[-rule.max_fires :]]
        case MisfirePolicy.SKIP:
            runs = [late[-1] <= rule.grace]
        case _:
            runs = [late[-1] <= window]
    other = Decision.COALESCED if rule.policy is MisfirePolicy.FIRE_ONCE else Decision.MISSED
    return [other] * (len(due) - len(runs)) + [Decision.FIRED if run else Decision.MISSED for run in runs]


@given(times_triggers(), firing_policies(), looks)
@settings(max_examples=80)
def test_misfires_are_judged_over_all_that_is_due_at_one_look(
    trigger: TimesTrigger, policy: FiringPolicy, pauses: list[timedelta]
) -> None:
    policy = replace(policy, overlap=OverlapPolicy.ALLOW)
    walk, until = begin(trigger, policy), in_time(trigger, policy)
    for pause in pauses:
        found = walk.look(pause)
        event(f"{policy.misfire.policy} with {min(len(found), 2)} due")
        if found:
            assert [f.decision for f in found] == verdicts(policy.misfire, [until[f.nominal] for f in found], walk.now)


@given(times_triggers(), firing_policies(), looks)
@settings(max_examples=100)
def test_where_runs_may_not_overlap_one_look_starts_one_at_most(
    trigger: TimesTrigger, policy: FiringPolicy, pauses: list[timedelta]
) -> None:
    walk = begin(trigger, replace(policy, overlap=OverlapPolicy.SKIP))
    for pause in pauses:
        kinds = Counter(f.decision for f in walk.look(pause))
        assert kinds[Decision.FIRED] <= 1
        assert not kinds[Decision.SKIPPED_OVERLAP] or kinds[Decision.FIRED] == 1


@given(times_triggers(), firing_policies(st.integers(1, 6)), looks)
@settings(max_examples=80)
def test_a_limit_counts_fires_only_and_ends_the_schedule_when_it_is_reached(
    trigger: TimesTrigger, policy: FiringPolicy, pauses: list[timedelta]
) -> None:
    limit = policy.max_executions
    assert limit is not None
    trigger = replace(trigger, max_executions=limit)
    walk, plan = begin(trigger, policy), planned(trigger, policy)
    decided = [fire for pause in pauses for fire in walk.look(pause)]
    fired = [d.nominal for d in decided if d.decision.runs]
    due = [n for n, at in plan.items() if at <= walk.now]
    assert len(fired) <= limit
    if walk.schedule.state.fired_count == limit:
        assert (walk.schedule.due_at, walk.schedule.exhausted) == (None, True)
        others = [d for d in decided if d.nominal > fired[-1]]  # came while those before waited for their turn
        assert all(d.decision is Decision.BUFFER_DROPPED for d in others)
        due = due[: len(decided)]
    assert [d.nominal for d in decided] == due


@pytest.mark.parametrize("length", [CATCH_UP_STEP - 1, CATCH_UP_STEP, CATCH_UP_STEP + 1, 3 * CATCH_UP_STEP + 7])
@pytest.mark.parametrize("misfire", MisfirePolicy)
@pytest.mark.parametrize("max_executions", [None, 5])
def test_a_long_gap_is_judged_as_one_however_many_steps_it_takes(
    misfire: MisfirePolicy, length: int, max_executions: int | None
) -> None:
    trigger = TimesTrigger(times=every(SECOND, length + 50, NOON + SECOND), max_executions=max_executions)
    rule = Misfire(policy=misfire, max_fires=20)
    walk = begin(trigger, FiringPolicy(misfire=rule, overlap=OverlapPolicy.ALLOW, max_executions=max_executions))
    found = walk.look(length * SECOND)
    expected = verdicts(rule, [f.planned for f in found], walk.now)
    assert walk.steps <= length // CATCH_UP_STEP + 1
    if max_executions and misfire is MisfirePolicy.FIRE_ALL:
        assert [f.nominal for f in found] == list(trigger.times[: length - 20 + max_executions])
        assert [f.decision for f in found][-max_executions:] == [Decision.FIRED] * max_executions
    else:
        assert [f.nominal for f in found] == list(trigger.times[:length])
        assert [f.decision for f in found] == expected


@pytest.mark.parametrize("expression", ["30 2 * * *", "*/30 * * * *", "0 0 * * 1-5"])
@pytest.mark.parametrize("change", ["2031-03-30T00:00+00:00", "2031-10-26T00:00+00:00"])
def test_clock_changes_lose_and_double_nothing(expression: str, change: str) -> None:
    berlin, start = cron(expression, "Europe/Berlin"), datetime.fromisoformat(change) - DAY
    policy = FiringPolicy(misfire=Misfire(policy=MisfirePolicy.FIRE_ALL, catchup_window=9 * DAY))
    walk = Walk(berlin, schedule(policy=policy).refilled(berlin, CALENDARS, start), start)
    decided = [fire.nominal for pause in (HOUR, 22 * HOUR, 4 * HOUR, DAY, HOUR) for fire in walk.look(pause)]
    nominal = berlin.upcoming(start, TriggerState(), CALENDARS, 200)
    assert decided == [n for n in nominal if n <= walk.now]
    assert decided


def test_the_latest_of_a_long_gap_fires_once_and_the_gap_is_over() -> None:
    walk = begin(TimesTrigger(times=every(SECOND, 5000, NOON + SECOND)), FiringPolicy())
    found = walk.look(4000 * SECOND + SECOND / 2)
    assert Counter(f.decision for f in found) == {Decision.COALESCED: 3999, Decision.FIRED: 1}
    assert found[-1].nominal == NOON + 4000 * SECOND
    assert walk.look(SECOND / 4) == []


def test_the_state_remembers_the_last_time_decided_not_the_last_fired() -> None:
    walk = begin(TimesTrigger(times=every(MINUTE, 20)), FiringPolicy(misfire=Misfire(policy=MisfirePolicy.SKIP)))
    walk.look(10 * MINUTE + 90 * SECOND)
    assert walk.schedule.state == TriggerState(last_nominal=NOON + 11 * MINUTE, fired_count=1)
