"""What becomes of due fires: one case for each rule."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import datetime, timedelta

import pytest

from domain.scheduling.firing import Firing, PlannedFire, decide
from domain.scheduling.occurrence import Decision
from domain.scheduling.policies import FiringPolicy, Misfire, MisfirePolicy, OverlapPolicy
from domain.timing.trigger import TriggerState
from tests.builders import DAY, HOUR, MINUTE, NOON, SECOND, every, schedule

ZERO = timedelta(0)
FIRED, COALESCED, MISSED = Decision.FIRED, Decision.COALESCED, Decision.MISSED
SKIPPED = Decision.SKIPPED_OVERLAP
MINUTELY = every(MINUTE, 8)


def policy(
    misfire: MisfirePolicy = MisfirePolicy.FIRE_ONCE,
    overlap: OverlapPolicy = OverlapPolicy.ALLOW,
    max_executions: int | None = None,
    **fields: object,
) -> FiringPolicy:
    return FiringPolicy(
        misfire=Misfire(policy=misfire, **fields),  # type: ignore[arg-type]
        overlap=overlap,
        max_executions=max_executions,
    )


ALL, SKIP, ONCE = MisfirePolicy.FIRE_ALL, MisfirePolicy.SKIP, MisfirePolicy.FIRE_ONCE


def decisions(firing: Firing) -> list[Decision]:
    return [fire.decision for fire in firing.decisions]


def decided(policy: FiringPolicy, now: datetime, upcoming: tuple[datetime, ...] = MINUTELY) -> list[Decision]:
    return decisions(decide(schedule(upcoming, policy), now))


@pytest.mark.parametrize("misfire", MisfirePolicy)
def test_a_fire_on_time_runs_whatever_the_policy(misfire: MisfirePolicy) -> None:
    firing = decide(schedule(MINUTELY, policy(misfire)), NOON)
    assert firing.decisions == (PlannedFire(nominal=NOON, planned=NOON, decision=FIRED),)
    assert firing.after.upcoming == MINUTELY[1:]
    assert firing.after.state == TriggerState(last_nominal=NOON, fired_count=1)


def test_before_its_time_nothing_is_decided() -> None:
    before = schedule(MINUTELY)
    firing = decide(before, NOON - SECOND)
    assert firing.decisions == ()
    assert firing.after is before


def test_an_inactive_schedule_decides_nothing_however_late() -> None:
    paused = schedule(MINUTELY, active=False)
    assert decide(paused, NOON + DAY) == Firing(decisions=(), after=paused)


@pytest.mark.parametrize("late", [ZERO, 30 * SECOND, 300 * DAY])
def test_fire_once_runs_the_latest_however_late_and_coalesces_the_rest(late: timedelta) -> None:
    firing = decide(schedule(every(MINUTE, 4), policy(ONCE), exhausted=True), NOON + 3 * MINUTE + late)
    assert decisions(firing) == [COALESCED, COALESCED, COALESCED, FIRED]
    assert firing.after.state.fired_count == 1


@pytest.mark.parametrize(("late", "last"), [(10 * MINUTE, FIRED), (10 * MINUTE + SECOND, MISSED)])
def test_fire_once_has_a_catch_up_window_if_one_is_set(late: timedelta, last: Decision) -> None:
    limited = policy(ONCE, catchup_window=10 * MINUTE)
    firing = decide(schedule(every(MINUTE, 3), limited, exhausted=True), NOON + 2 * MINUTE + late)
    assert decisions(firing) == [COALESCED, COALESCED, last]


@pytest.mark.parametrize(("late", "last"), [(60 * SECOND, FIRED), (61 * SECOND, MISSED)])
def test_a_window_smaller_than_the_grace_is_the_grace(late: timedelta, last: Decision) -> None:
    for misfire in (ONCE, ALL):
        assert decided(policy(misfire, catchup_window=ZERO), NOON + late, (NOON, NOON + DAY)) == [last]


@pytest.mark.parametrize(("late", "decision"), [(59 * SECOND, FIRED), (60 * SECOND, FIRED), (61 * SECOND, MISSED)])
def test_skip_runs_the_latest_only_within_the_grace(late: timedelta, decision: Decision) -> None:
    assert decided(policy(SKIP), NOON + late, (NOON, NOON + DAY)) == [decision]


def test_skip_misses_all_but_the_latest_even_within_the_grace_and_says_why() -> None:
    firing = decide(schedule(every(10 * SECOND, 8), policy(SKIP)), NOON + 25 * SECOND)
    assert decisions(firing) == [MISSED, MISSED, FIRED]
    assert {fire.reason for fire in firing.decisions[:2]} == {"a later fire was due as well"}


def test_a_late_fire_says_by_how_much_and_what_bounds_it() -> None:
    (fire,) = decide(schedule((NOON, NOON + DAY), policy(SKIP)), NOON + 90 * SECOND).decisions
    assert fire.reason == "late by 90 s, more than its grace"
    (fire,) = decide(schedule((NOON, NOON + 9 * DAY), policy(ALL)), NOON + 2 * DAY).decisions
    assert fire.reason == "late by 172800 s, more than its catch-up window"


def test_fire_all_runs_each_in_order() -> None:
    firing = decide(schedule(MINUTELY, policy(ALL)), NOON + 3 * MINUTE)
    assert [(f.nominal, f.decision) for f in firing.decisions] == [(n, FIRED) for n in MINUTELY[:4]]
    assert firing.after.state.fired_count == 4


def test_fire_all_runs_no_more_than_the_latest_few() -> None:
    firing = decide(schedule(MINUTELY, policy(ALL, max_fires=2)), NOON + 3 * MINUTE)
    assert decisions(firing) == [MISSED, MISSED, FIRED, FIRED]
    assert firing.decisions[0].reason == "only the latest 2 are caught up"


def test_fire_all_runs_none_older_than_a_day_unless_told_otherwise() -> None:
    daily = every(6 * HOUR, 8)
    assert decided(policy(ALL), NOON + 36 * HOUR, daily) == [MISSED, MISSED, *[FIRED] * 5]
    assert decided(policy(ALL, catchup_window=12 * HOUR), NOON + 36 * HOUR, daily) == [*[MISSED] * 4, *[FIRED] * 3]


def test_a_fire_is_skipped_while_an_earlier_task_is_unfinished() -> None:
    firing = decide(schedule(MINUTELY, policy(overlap=OverlapPolicy.SKIP), live=2), NOON)
    assert decisions(firing) == [SKIPPED]
    assert firing.decisions[0].reason == "2 earlier task(s) still unfinished"
    assert firing.after.state == TriggerState(last_nominal=NOON, fired_count=0)


def test_a_fire_runs_beside_unfinished_tasks_where_that_is_allowed() -> None:
    assert decisions(decide(schedule(MINUTELY, policy(), live=2), NOON)) == [FIRED]


def test_of_fires_caught_up_together_the_first_is_in_the_way_of_the_others() -> None:
    assert decided(policy(ALL, OverlapPolicy.SKIP), NOON + 2 * MINUTE) == [FIRED, SKIPPED, SKIPPED]


def test_misfire_is_judged_before_overlap() -> None:
    crowded = schedule(MINUTELY, policy(ONCE, OverlapPolicy.SKIP), live=1)
    assert decisions(decide(crowded, NOON + MINUTE)) == [COALESCED, SKIPPED]


def test_the_fire_that_reaches_the_limit_on_executions_is_the_last() -> None:
    firing = decide(schedule(MINUTELY, policy(ALL, max_executions=2)), NOON + 5 * MINUTE)
    assert decisions(firing) == [FIRED, FIRED]
    assert (firing.after.upcoming, firing.after.exhausted, firing.after.due_at) == ((), True, None)


def test_what_follows_the_fire_that_reaches_the_limit_is_no_time_of_the_trigger_any_more() -> None:
    rule = policy(ALL, OverlapPolicy.SKIP, max_executions=1)
    assert decided(rule, NOON + 2 * MINUTE) == [FIRED]


def test_after_as_many_fires_as_asked_for_the_others_stay_due() -> None:
    late = schedule(every(6 * HOUR, 8), policy(ALL, max_fires=3))
    firing = decide(late, NOON + 36 * HOUR, most=2)
    assert decisions(firing) == [MISSED, MISSED, MISSED, MISSED, FIRED, FIRED]
    assert (firing.after.due_at, firing.after.state.fired_count) == (NOON + 36 * HOUR, 2)
    assert decisions(decide(late, NOON + 36 * HOUR, most=9)) == [*[MISSED] * 4, *[FIRED] * 3]
    limited = replace(late, policy=policy(ALL, max_executions=1))
    assert decisions(decide(limited, NOON + 36 * HOUR, most=2))[-1] is FIRED
    assert decide(limited, NOON + 36 * HOUR, most=2).after.exhausted


def test_what_did_not_run_does_not_count_against_the_limit() -> None:
    crowded = schedule(MINUTELY, policy(overlap=OverlapPolicy.SKIP, max_executions=1), live=1)
    after = decide(crowded, NOON).after
    assert (after.exhausted, after.due_at) == (False, NOON + MINUTE)
    assert decisions(decide(replace(after, live=0), NOON + MINUTE)) == [FIRED]


def test_after_a_gap_a_limited_job_runs_its_latest_fire_only() -> None:
    firing = decide(schedule(MINUTELY, policy(max_executions=3)), NOON + 5 * MINUTE)
    assert decisions(firing) == [*[COALESCED] * 5, FIRED]
    assert firing.after.due_at == NOON + 6 * MINUTE


def test_a_schedule_whose_limit_was_lowered_below_its_count_is_exhausted() -> None:
    state = TriggerState(last_nominal=NOON - MINUTE, fired_count=5)
    firing = decide(schedule(MINUTELY, policy(max_executions=3), state=state), NOON + HOUR)
    assert firing.decisions == ()
    assert (firing.after.exhausted, firing.after.due_at) == (True, None)


@pytest.mark.parametrize(("misfire", "verdict"), [(ONCE, COALESCED), (ALL, MISSED), (SKIP, MISSED)])
def test_while_the_latest_is_not_known_as_many_stay_undecided_as_may_run(
    misfire: MisfirePolicy, verdict: Decision
) -> None:
    rule = policy(misfire, max_fires=3)
    firing = decide(schedule(MINUTELY, rule), NOON + DAY)
    kept = rule.misfire.most_fires
    assert decisions(firing) == [verdict] * (8 - kept)
    assert firing.after.upcoming == MINUTELY[-kept:]
    assert firing.after.state == TriggerState(last_nominal=MINUTELY[-kept - 1], fired_count=0)


def test_a_single_known_time_is_decided_though_nothing_is_known_of_what_follows() -> None:
    assert decided(policy(), NOON, (NOON,)) == [FIRED]


def test_the_last_times_of_an_exhausted_trigger_are_the_latest() -> None:
    firing = decide(schedule(MINUTELY, policy(), exhausted=True), NOON + DAY)
    assert decisions(firing) == [*[COALESCED] * 7, FIRED]
    assert (firing.after.upcoming, firing.after.due_at) == ((), None)


def test_deciding_forgets_nothing_that_the_trigger_may_want_to_know() -> None:
    others = [f.name for f in fields(TriggerState) if f.name not in ("last_nominal", "fired_count")]
    state = TriggerState(**dict.fromkeys(others, NOON - DAY))  # type: ignore[arg-type]
    after = decide(schedule(MINUTELY, state=state), NOON).after.state
    assert after == replace(state, last_nominal=NOON, fired_count=1)


def test_jitter_puts_a_fire_off_until_its_planned_time() -> None:
    spread = schedule(every(HOUR, 8), FiringPolicy(jitter=HOUR))
    planned = spread.due_at
    assert planned is not None
    assert NOON < planned < NOON + HOUR
    assert decide(spread, planned - SECOND).decisions == ()
    assert decide(spread, planned).decisions == (PlannedFire(nominal=NOON, planned=planned, decision=FIRED),)


def test_lateness_counts_from_the_planned_time() -> None:
    spread = schedule(every(HOUR, 8), FiringPolicy(jitter=HOUR, misfire=Misfire(policy=SKIP)))
    planned = spread.planned(0)
    assert decisions(decide(spread, planned + MINUTE)) == [FIRED]
    assert decisions(decide(spread, planned + MINUTE + SECOND)) == [MISSED]


def test_an_earlier_fire_is_decided_while_jitter_still_puts_off_the_latest() -> None:
    spread = schedule(every(HOUR, 8), FiringPolicy(jitter=HOUR))
    firing = decide(spread, NOON + HOUR)
    assert decisions(firing) == [FIRED]
    assert firing.after.due_at == spread.planned(1)


def test_the_ledger_keeps_each_run_alone_and_what_did_not_run_together() -> None:
    mixed = schedule(every(6 * HOUR, 8), policy(ALL, max_fires=3))
    runs = decide(mixed, NOON + 36 * HOUR).runs
    assert [(decision, len(fires)) for decision, fires in runs] == [(MISSED, 4), (FIRED, 1), (FIRED, 1), (FIRED, 1)]
    assert [fire.nominal for _, fires in runs for fire in fires] == list(every(6 * HOUR, 7))
