"""What a schedule knows of its future, and when it has to be looked at."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.scheduling.policies import FiringPolicy, Misfire, MisfirePolicy
from domain.scheduling.schedule import CATCH_UP_STEP, PLANNED_AHEAD, REFILL_BELOW, Schedule
from domain.timing.spread import planned_at
from domain.timing.trigger import TriggerState
from domain.timing.triggers.any_of import AnyOfTrigger
from domain.timing.triggers.fixed_rate import FixedRateTrigger
from domain.timing.triggers.manual import ManualTrigger
from tests.builders import (
    CALENDARS,
    DAY,
    HOUR,
    JOB_ID,
    MINUTE,
    NOON,
    SECOND,
    BrokenTrigger,
    TimesTrigger,
    cron,
    every,
    schedule,
)
from tests.unit.scheduling.strategies import times_triggers
from tests.unit.timing.strategies import CLOCK_CHANGES, utc

MINUTELY = cron("* * * * *")
AFTER_NOON = every(MINUTE, 100, NOON + MINUTE)


def refilled(of: Schedule, trigger: TimesTrigger, **options: bool) -> Schedule:
    return of.refilled(trigger, CALENDARS, NOON, **options)


def test_a_new_schedule_knows_the_next_eight_times_from_now_on() -> None:
    known = schedule().refilled(MINUTELY, CALENDARS, NOON + SECOND)
    assert known.upcoming == AFTER_NOON[:PLANNED_AHEAD]
    assert not known.exhausted


def test_refilling_goes_on_after_the_known_times_and_after_the_last_one_fired() -> None:
    known = schedule(AFTER_NOON[:2]).refilled(MINUTELY, CALENDARS, NOON + HOUR)
    assert known.upcoming == AFTER_NOON[:PLANNED_AHEAD]
    used_up = schedule(state=TriggerState(last_nominal=AFTER_NOON[2]))
    assert used_up.refilled(MINUTELY, CALENDARS, NOON + HOUR).upcoming == AFTER_NOON[3 : 3 + PLANNED_AHEAD]


def test_refilling_may_leave_out_what_lies_in_the_past() -> None:
    state = TriggerState(last_nominal=NOON)
    known = schedule(state=state).refilled(MINUTELY, CALENDARS, NOON + 30 * MINUTE, skip_past=True)
    assert known.upcoming == AFTER_NOON[30 : 30 + PLANNED_AHEAD]
    due = schedule(AFTER_NOON[:2]).refilled(MINUTELY, CALENDARS, NOON + 30 * MINUTE, skip_past=True)
    assert due.upcoming == (*AFTER_NOON[:2], *AFTER_NOON[30:36])


def test_leaving_out_the_past_never_goes_back_behind_known_times() -> None:
    early = schedule(AFTER_NOON[:2]).refilled(MINUTELY, CALENDARS, NOON - HOUR, skip_past=True)
    assert early.upcoming == AFTER_NOON[:PLANNED_AHEAD]


def test_a_full_schedule_and_an_exhausted_one_ask_no_trigger() -> None:
    broken = BrokenTrigger(times=())
    full = schedule(AFTER_NOON[:PLANNED_AHEAD])
    spent = schedule(AFTER_NOON[:1], exhausted=True)
    assert refilled(full, broken) is full
    assert refilled(spent, broken) is spent


@pytest.mark.parametrize("left", range(PLANNED_AHEAD))
def test_a_trigger_without_further_times_exhausts_the_schedule(left: int) -> None:
    known = refilled(schedule(), TimesTrigger(times=AFTER_NOON[:left]))
    assert (known.upcoming, known.exhausted) == (AFTER_NOON[:left], True)


def test_a_manual_job_is_never_due() -> None:
    known = schedule(state=TriggerState(last_nominal=NOON)).refilled(ManualTrigger(), CALENDARS, NOON)
    assert (known.upcoming, known.due_at) == ((), None)


def test_a_limit_on_executions_shortens_no_schedule_for_fires_may_yet_be_skipped() -> None:
    limited = TimesTrigger(times=AFTER_NOON, max_executions=2)
    assert refilled(schedule(), limited).upcoming == AFTER_NOON[:PLANNED_AHEAD]


def test_once_the_limit_is_reached_the_trigger_has_no_more_times() -> None:
    limited = TimesTrigger(times=AFTER_NOON, max_executions=2)
    known = refilled(schedule(state=TriggerState(last_nominal=NOON, fired_count=2)), limited)
    assert (known.upcoming, known.exhausted) == ((), True)


def test_it_is_due_at_the_planned_time_of_its_next_fire() -> None:
    assert schedule(AFTER_NOON).due_at == AFTER_NOON[0]
    spread = schedule(AFTER_NOON, FiringPolicy(jitter=HOUR))
    assert spread.due_at == planned_at(JOB_ID, AFTER_NOON[0], HOUR, AFTER_NOON[1])
    last = schedule(AFTER_NOON[:1], FiringPolicy(jitter=HOUR), exhausted=True)
    assert last.due_at == planned_at(JOB_ID, AFTER_NOON[0], HOUR, None)


def test_a_fire_whose_follower_is_unknown_is_looked_at_at_its_nominal_time() -> None:
    assert schedule(AFTER_NOON[:1], FiringPolicy(jitter=DAY)).due_at == AFTER_NOON[0]


def test_a_schedule_that_is_not_active_is_never_due() -> None:
    assert schedule(AFTER_NOON, active=False).due_at is None
    assert not schedule(active=False).runs_out(NOON)


def test_one_that_has_used_up_what_it_knew_is_due_at_once() -> None:
    assert schedule(state=TriggerState(last_nominal=NOON)).due_at == NOON


def test_one_that_is_exhausted_is_never_due_again() -> None:
    assert schedule(state=TriggerState(last_nominal=NOON), exhausted=True).due_at is None


@pytest.mark.parametrize(("passed", "runs_out"), [(-1, False), (0, True), (1, True)])
def test_it_runs_out_when_its_last_known_time_has_come(passed: int, runs_out: bool) -> None:
    known = schedule(AFTER_NOON[:3])
    assert known.runs_out(AFTER_NOON[2] + passed * SECOND) == runs_out
    assert not schedule(AFTER_NOON[:3], exhausted=True).runs_out(NOON + DAY)


def test_extending_reaches_beyond_now_with_room_to_spare() -> None:
    now = NOON + 20 * MINUTE
    known = schedule(AFTER_NOON[:3]).extended(MINUTELY, CALENDARS, now)
    assert known.upcoming == AFTER_NOON[: 20 + PLANNED_AHEAD]
    assert len([n for n in known.upcoming if n > now]) >= REFILL_BELOW
    assert not known.exhausted


def test_extending_to_the_end_of_a_trigger_exhausts_the_schedule() -> None:
    known = schedule(AFTER_NOON[:3]).extended(TimesTrigger(times=AFTER_NOON), CALENDARS, NOON + DAY)
    assert (known.upcoming, known.exhausted) == (AFTER_NOON, True)


@given(
    st.sampled_from([(zone, utc(at)) for zone, times in CLOCK_CHANGES.items() for at in times]),
    st.sampled_from(["* * * * *", "*/7 1-4 * * *", "30 2 * * *", "0 0 1 * *"]),
    st.integers(0, 3),
    st.timedeltas(MINUTE, 3 * DAY),
)
@settings(max_examples=60, deadline=None)
def test_a_gap_is_told_at_once_as_it_would_be_one_by_one(
    change: tuple[str, datetime], expression: str, kind: int, gap: timedelta
) -> None:
    zone, around = change
    by_cron, rate = cron(expression, zone), FixedRateTrigger(every=17 * MINUTE)
    trigger = [by_cron, rate, AnyOfTrigger(triggers=(by_cron, rate)), cron(expression, zone, max_executions=3)][kind]
    begin = around - DAY
    known = schedule(state=TriggerState(since=begin - MINUTE), policy=FiringPolicy()).refilled(
        trigger, CALENDARS, begin
    )
    known = replace(known, upcoming=known.upcoming[:1], exhausted=False)
    extended = known.extended(trigger, CALENDARS, begin + gap)
    walked = trigger.upcoming(begin, known.state, CALENDARS, len(extended.upcoming))
    unlimited = replace(trigger, max_executions=None).upcoming(begin, known.state, CALENDARS, len(extended.upcoming))
    assert list(extended.upcoming) == (unlimited if trigger.max_executions else walked)
    assert extended.upcoming[-1] > begin + gap or len(extended.upcoming) == CATCH_UP_STEP + 1


@pytest.mark.parametrize(
    ("misfire", "kept"), [(Misfire(), 1), (Misfire(policy=MisfirePolicy.FIRE_ALL, max_fires=70), 70)]
)
def test_a_very_long_gap_is_extended_by_a_step_and_what_may_run(misfire: Misfire, kept: int) -> None:
    endless = TimesTrigger(times=every(MINUTE, 2000))
    known = schedule(state=TriggerState(last_nominal=NOON - DAY), policy=FiringPolicy(misfire=misfire))
    once = known.extended(endless, CALENDARS, NOON + 9 * DAY)
    assert len(once.upcoming) == CATCH_UP_STEP + kept
    assert once.runs_out(NOON + 9 * DAY)


@given(times_triggers(), st.integers(0, 60), st.timedeltas(timedelta(0), DAY))
@settings(max_examples=100)
def test_known_times_are_the_triggers_without_a_hole(trigger: TimesTrigger, known: int, passed: timedelta) -> None:
    some = schedule(trigger.times[:known], state=TriggerState(last_nominal=NOON))
    for more in (some.refilled(trigger, CALENDARS, NOON), some.extended(trigger, CALENDARS, NOON + passed)):
        assert more.upcoming == trigger.times[: len(more.upcoming)]
        assert len(more.upcoming) >= min(len(trigger.times), PLANNED_AHEAD)
        assert not more.exhausted or more.upcoming == trigger.times
