"""A schedule with a fixed delay knows one time ahead, and after each decision there is a way to the next."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.scheduling.firing import decide
from domain.scheduling.ids import TaskId
from domain.scheduling.occurrence import Decision
from domain.scheduling.policies import FiringPolicy, Misfire, MisfirePolicy, OverlapPolicy
from domain.scheduling.schedule import Schedule
from domain.timing.spread import planned_at
from domain.timing.trigger import TriggerState
from domain.timing.triggers.fixed_delay import FixedDelayTrigger
from tests.builders import CALENDARS, DAY, HOUR, JOB_ID, MINUTE, NOON, SECOND, TASK_ID, schedule

MINUTELY = FixedDelayTrigger(delay=MINUTE)


def delayed(trigger: FixedDelayTrigger = MINUTELY, misfire: Misfire | None = None, **fields: object) -> Schedule:
    """A schedule that was activated at noon."""
    policy = FiringPolicy.of(trigger, misfire or Misfire(), OverlapPolicy.SKIP)
    given = {"state": TriggerState(since=NOON), **fields}
    return schedule((), policy, **given).refilled(trigger, CALENDARS, NOON)


def fired(of: Schedule, task: TaskId = TASK_ID) -> Schedule:
    """As recording leaves it after a fire."""
    return replace(of, awaited=task)


def test_only_the_next_time_is_known() -> None:
    known = delayed()
    assert (known.upcoming, known.due_at, known.exhausted, known.is_low) == ((NOON,), NOON, False, False)
    assert known.refilled(MINUTELY, CALENDARS, NOON + HOUR) is known
    assert not known.runs_out(NOON + HOUR)


def test_while_its_run_is_awaited_it_is_never_due_and_its_trigger_is_not_asked() -> None:
    firing = decide(delayed(), NOON)
    assert [d.decision for d in firing.decisions] == [Decision.FIRED]
    waiting = fired(firing.after)
    assert (waiting.upcoming, waiting.due_at, waiting.is_low) == ((), None, False)
    assert not waiting.runs_out(NOON + DAY)
    assert waiting.refilled(MINUTELY, CALENDARS, NOON + DAY) is waiting


def test_once_the_run_has_ended_it_is_due_at_once_to_ask_for_the_next_time() -> None:
    waiting = fired(decide(delayed(), NOON).after)
    ended = replace(waiting, awaited=None, state=replace(waiting.state, last_end=NOON + 5 * SECOND))
    now = NOON + 7 * SECOND
    assert ended.due_at is not None
    assert ended.due_at <= now
    assert ended.runs_out(now)
    known = ended.extended(MINUTELY, CALENDARS, now)
    assert known.upcoming == (NOON + 65 * SECOND,)
    assert decide(known, now).decisions == ()


@pytest.mark.parametrize(
    ("live", "misfire", "late", "decision"),
    [
        (1, Misfire(), SECOND, Decision.SKIPPED_OVERLAP),
        (0, Misfire(policy=MisfirePolicy.SKIP), HOUR, Decision.MISSED),
        (0, Misfire(catchup_window=timedelta(0)), HOUR, Decision.MISSED),
    ],
)
def test_a_decision_that_makes_no_task_counts_as_the_end(
    live: int, misfire: Misfire, late: timedelta, decision: Decision
) -> None:
    now = NOON + late
    firing = decide(replace(delayed(misfire=misfire), live=live), now)
    assert [d.decision for d in firing.decisions] == [decision]
    assert firing.after.state == TriggerState(last_nominal=NOON, last_end=now, since=NOON)
    assert firing.after.is_low
    assert firing.after.refilled(MINUTELY, CALENDARS, now).upcoming == (now + MINUTE,)


def test_jitter_is_not_bounded_by_a_time_that_cannot_be_known() -> None:
    known = delayed(replace(MINUTELY, jitter=HOUR))
    assert known.due_at == planned_at(JOB_ID, NOON, HOUR, None)


def test_the_last_execution_is_not_waited_for() -> None:
    once = replace(MINUTELY, max_executions=1)
    after = decide(delayed(once), NOON).after
    assert (after.exhausted, after.due_at) == (True, None)


def test_after_its_end_a_trigger_has_no_more_times() -> None:
    ending = replace(MINUTELY, end_at=NOON + MINUTE)
    waiting = decide(delayed(ending), NOON).after
    ended = replace(waiting, state=replace(waiting.state, last_end=NOON + SECOND))
    known = ended.extended(ending, CALENDARS, NOON + SECOND)
    assert (known.upcoming, known.exhausted, known.due_at) == ((), True, None)


steps = st.lists(
    st.tuples(st.sampled_from([SECOND, 30 * SECOND, MINUTE, HOUR]), st.integers(0, 1), st.booleans()), max_size=30
)


@given(steps, st.sampled_from(MisfirePolicy), st.sampled_from(list(OverlapPolicy)))
@settings(max_examples=200)
def test_the_chain_never_ends(
    steps: list[tuple[timedelta, int, bool]], misfire: MisfirePolicy, overlap: OverlapPolicy
) -> None:
    """Whatever a look finds (another task in the way, a late planner, a run that ended), a next time comes."""
    policy = FiringPolicy.of(MINUTELY, Misfire(policy=misfire), overlap)
    now = NOON
    known = schedule((), policy, state=TriggerState(since=NOON)).refilled(MINUTELY, CALENDARS, NOON)
    for passed, live, ends in steps:
        now += passed
        if known.awaited is not None and ends:
            known = replace(known, awaited=None, state=replace(known.state, last_end=now))
        for _ in range(3):  # the planner looks until nothing is due
            if known.due_at is not None and known.due_at <= now:
                if known.runs_out(now):
                    known = known.extended(MINUTELY, CALENDARS, now)
                firing = decide(replace(known, live=live), now)
                known = firing.after
                if any(d.decision.runs for d in firing.decisions):
                    known = fired(known)
        assert known.awaited is not None or known.due_at is not None
        assert known.awaited is not None or known.due_at > now  # type: ignore[operator]  # said in the line above
