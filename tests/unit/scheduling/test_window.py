"""A fire with a window starts somewhere within it, and is late only after its end."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.scheduling.firing import decide
from domain.scheduling.occurrence import Decision
from domain.scheduling.policies import FiringPolicy, Misfire, MisfirePolicy, OverlapPolicy
from domain.scheduling.schedule import Schedule
from tests.builders import HOUR, MINUTE, SECOND, cron, every, schedule

SKIP = Misfire(policy=MisfirePolicy.SKIP)


def due_each_hour(window: timedelta = 20 * MINUTE, misfire: Misfire = SKIP, **more: Any) -> Schedule:
    policy = FiringPolicy(misfire=misfire, window=window, overlap=OverlapPolicy.ALLOW, **more)
    return schedule(every(HOUR, 8), policy=policy)


def decisions(at: datetime, due: Schedule) -> list[Decision]:
    return [fire.decision for fire in decide(due, at).decisions]


FIRST = due_each_hour().upcoming[0]
PLANNED = due_each_hour().planned(0)


def test_it_is_planned_within_the_window_and_due_then() -> None:
    due = due_each_hour()
    assert FIRST < PLANNED < FIRST + 20 * MINUTE
    assert due.due_at == PLANNED
    assert decisions(PLANNED - SECOND, due) == []
    (fire,) = decide(due, PLANNED).decisions
    assert (fire.nominal, fire.planned, fire.decision) == (FIRST, PLANNED, Decision.FIRED)


@pytest.mark.parametrize(
    ("after_the_window", "decision"),
    [(-MINUTE, "FIRED"), (timedelta(0), "FIRED"), (MINUTE, "FIRED"), (MINUTE + SECOND, "MISSED")],
)
def test_it_is_late_by_the_time_since_the_end_of_the_window(after_the_window: timedelta, decision: str) -> None:
    (fire,) = decide(due_each_hour(), FIRST + 20 * MINUTE + after_the_window).decisions
    assert fire.decision == decision
    assert fire.planned == PLANNED
    if decision == "MISSED":
        assert fire.reason == "late by 61 s, more than its grace"


def test_with_jitter_it_is_late_from_its_planned_time_on() -> None:
    policy = FiringPolicy(misfire=SKIP, jitter=20 * MINUTE)
    due = schedule(every(HOUR, 8), policy=policy)
    assert due.planned(0) == PLANNED
    assert decisions(PLANNED + MINUTE + SECOND, due) == [Decision.MISSED]


def test_how_far_back_is_caught_up_counts_from_the_end_of_the_window_too() -> None:
    misfire = Misfire(policy=MisfirePolicy.FIRE_ALL, catchup_window=90 * MINUTE)
    at = FIRST + 20 * MINUTE + 90 * MINUTE
    assert decisions(at, due_each_hour(misfire=misfire)) == [Decision.FIRED, Decision.FIRED]
    assert decisions(at + SECOND, due_each_hour(misfire=misfire))[0] == Decision.MISSED


def test_a_window_up_to_the_next_fire_ends_there() -> None:
    due = due_each_hour(window=3 * HOUR)
    assert due.in_time_until(0) == due.upcoming[1]
    assert due.in_time_until(7) == due.upcoming[7] + 3 * HOUR
    assert decisions(due.upcoming[1] + MINUTE + SECOND, due)[0] == Decision.MISSED


@given(st.timedeltas(SECOND, 2 * HOUR), st.timedeltas(timedelta(0), 3 * HOUR), st.sampled_from(MisfirePolicy))
def test_whoever_looks_within_the_window_lets_it_fire(
    window: timedelta, wait: timedelta, policy: MisfirePolicy
) -> None:
    due = due_each_hour(window=window, misfire=Misfire(policy=policy, grace=timedelta(0)))
    ends = due.in_time_until(0)
    at = min(due.planned(0) + wait, ends)
    first = decide(due, at).decisions[0]
    assert (first.nominal, first.decision) == (FIRST, Decision.FIRED) or at == due.upcoming[1] == ends


def test_the_policy_takes_the_window_of_the_trigger() -> None:
    policy = FiringPolicy.of(cron("@daily", window=2 * HOUR), SKIP, OverlapPolicy.SKIP)
    assert (policy.window, policy.jitter, policy.spread) == (2 * HOUR, timedelta(0), 2 * HOUR)
