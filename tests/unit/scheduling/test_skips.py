"""Fires that somebody does not want: passed over with a reason, as if they were not there for all other rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.scheduling.firing import PlannedFire, decide
from domain.scheduling.occurrence import Decision
from domain.scheduling.policies import FiringPolicy, Misfire, MisfirePolicy, OverlapPolicy
from domain.scheduling.schedule import CATCH_UP_STEP, Schedule
from domain.scheduling.skip import MOST_SKIPS, Skip
from domain.timing.trigger import TriggerState
from tests.builders import CALENDARS, HOUR, MINUTE, NOON, SECOND, TimesTrigger, every, schedule
from tests.unit.scheduling.strategies import firing_policies, times_triggers
from tests.unit.scheduling.test_firing_walks import Walk, looks

FIRED, SKIPPED = Decision.FIRED, Decision.SKIPPED_BY_USER


def skip(nominal: datetime) -> Skip:
    return Skip(nominal=nominal, reason="a freeze", by="ann")


def skipping(due: Schedule, *nominal: datetime) -> Schedule:
    return replace(due, skips=tuple(map(skip, nominal)))


def test_a_skipped_fire_is_passed_over_and_says_who_wanted_it_so() -> None:
    due = skipping(schedule(every(HOUR, 3)), NOON)
    (decided,) = decide(due, NOON).decisions
    assert (decided.decision, decided.reason) == (SKIPPED, "ann: a freeze")
    (following,) = decide(decide(due, NOON).after, NOON + HOUR).decisions
    assert following.decision is FIRED


@pytest.mark.parametrize(
    ("policy", "decisions"),
    [
        (MisfirePolicy.FIRE_ONCE, [Decision.COALESCED, FIRED, SKIPPED]),
        (MisfirePolicy.FIRE_ALL, [FIRED, FIRED, SKIPPED]),
        (MisfirePolicy.SKIP, [Decision.MISSED, Decision.MISSED, SKIPPED]),
    ],
)
def test_late_fires_are_judged_as_if_a_skipped_one_were_not_there(
    policy: MisfirePolicy, decisions: list[Decision]
) -> None:
    rule = FiringPolicy(misfire=Misfire(policy=policy), overlap=OverlapPolicy.ALLOW)
    due = skipping(schedule(every(HOUR, 4), rule), NOON + 2 * HOUR)
    assert [d.decision for d in decide(due, NOON + 2 * HOUR).decisions] == decisions


def test_a_skipped_fire_does_not_count_towards_the_limit() -> None:
    rule = FiringPolicy(max_executions=1)
    firing = decide(skipping(schedule(every(HOUR, 3), rule), NOON), NOON)
    assert (firing.after.exhausted, firing.after.state.fired_count) == (False, 0)
    assert decide(firing.after, NOON + HOUR).after.exhausted


def test_where_times_follow_from_the_end_of_runs_a_skipped_fire_ends_at_once() -> None:
    rule = FiringPolicy(awaits_end=True)
    firing = decide(skipping(schedule([NOON], rule), NOON), NOON + SECOND)
    assert firing.after.state.last_end == NOON + SECOND


@given(times_triggers(), firing_policies(st.none() | st.integers(1, 6)), looks, st.data())
@settings(max_examples=100)
def test_skips_take_out_just_the_fires_they_name(
    trigger: TimesTrigger, policy: FiringPolicy, pauses: list[timedelta], data: st.DataObject
) -> None:
    unwanted = data.draw(st.sets(st.sampled_from(trigger.times), max_size=20))
    begun = schedule(policy=policy).refilled(trigger, CALENDARS, NOON)
    walk = Walk(trigger, skipping(begun, *sorted(unwanted)))
    decided = [fire for pause in pauses for fire in walk.look(pause)]
    assert all((d.decision is SKIPPED) is (d.nominal in unwanted) for d in decided)
    fires = [d.planned for d in decided if d.decision.runs]
    assert walk.schedule.state.fired_count == len(fires)
    if policy.max_executions is None:
        following = [*trigger.times[1:], None]
        assert [d.nominal for d in decided] == [
            n for n, f in zip(trigger.times, following, strict=True) if schedule_plan(policy, n, f) <= walk.now
        ]


def schedule_plan(policy: FiringPolicy, nominal: datetime, following: datetime | None) -> datetime:
    upcoming = [nominal] if following is None else [nominal, following]
    return schedule(upcoming, policy).planned(0)


@pytest.mark.parametrize("misfire", MisfirePolicy)
def test_a_long_gap_ends_although_its_last_fires_are_skipped(misfire: MisfirePolicy) -> None:
    length = 2 * CATCH_UP_STEP
    trigger = TimesTrigger(times=every(SECOND, length + 50, NOON + SECOND))
    rule = FiringPolicy(misfire=Misfire(policy=misfire, max_fires=20), overlap=OverlapPolicy.ALLOW)
    unwanted = trigger.times[length - MOST_SKIPS : length]
    walk = Walk(trigger, skipping(schedule(policy=rule).refilled(trigger, CALENDARS, NOON), *unwanted))
    found: list[PlannedFire] = walk.look(length * SECOND)
    assert [f.nominal for f in found] == list(trigger.times[:length])
    assert {f.nominal for f in found if f.decision is SKIPPED} == set(unwanted)
    runs = [f.nominal for f in found if f.decision is FIRED]
    wanted = trigger.times[: length - MOST_SKIPS]
    assert runs == {MisfirePolicy.FIRE_ONCE: [wanted[-1]], MisfirePolicy.FIRE_ALL: list(wanted[-20:])}.get(misfire, [])


def test_a_schedule_forgets_the_skips_of_times_that_are_over_when_a_new_one_comes() -> None:
    known = skipping(schedule(state=TriggerState(last_nominal=NOON)), NOON, NOON + 2 * HOUR)
    assert known.skipping(skip(NOON + 2 * HOUR)) is known
    both = known.skipping(skip(NOON + HOUR))
    assert [s.nominal for s in both.skips] == [NOON + HOUR, NOON + 2 * HOUR]
    assert [s.nominal for s in both.not_skipping(NOON + HOUR).skips] == [NOON + 2 * HOUR]


def test_only_times_that_are_still_to_be_decided_will_be_reached() -> None:
    trigger = TimesTrigger(times=every(HOUR, 30))
    due = schedule(every(HOUR, 8), state=TriggerState(last_nominal=NOON - HOUR))
    for nominal, reached in ((NOON, True), (NOON + 20 * HOUR, True), (NOON + MINUTE, False), (NOON + 30 * HOUR, False)):
        assert due.will_reach(nominal, trigger, CALENDARS, NOON + MINUTE) is reached
    assert not due.will_reach(NOON - HOUR, trigger, CALENDARS, NOON + MINUTE)
    assert not replace(due, active=False).will_reach(NOON, trigger, CALENDARS, NOON + MINUTE)
    chained = replace(due, policy=FiringPolicy(awaits_end=True), upcoming=(NOON,))
    assert chained.will_reach(NOON, trigger, CALENDARS, NOON)
    assert not chained.will_reach(NOON + HOUR, trigger, CALENDARS, NOON)
