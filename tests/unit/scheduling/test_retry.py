"""When a failed attempt is tried again, and after which wait."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.scheduling.retry import RetryPolicy, RetryStrategy
from domain.shared.errors import Invalid
from tests.builders import DAY, HOUR, MINUTE, SECOND
from tests.unit.scheduling.strategies import dice, retry_policies

ZERO = timedelta(0)
MIDDLE = 0.5
"""The dice that leaves a wait as it is, whatever the jitter."""


@pytest.mark.parametrize(
    ("strategy", "minutes"),
    [
        (RetryStrategy.EXPONENTIAL_BACKOFF, [1, 2, 4, 8, 16]),
        (RetryStrategy.LINEAR_BACKOFF, [1, 2, 3, 4, 5]),
        (RetryStrategy.FIXED_DELAY, [1, 1, 1, 1, 1]),
    ],
)
def test_the_wait_grows_as_the_strategy_says(strategy: RetryStrategy, minutes: list[int]) -> None:
    policy = RetryPolicy(strategy=strategy, delay=MINUTE)
    assert [policy.wait_after(n, MIDDLE) for n in range(1, 6)] == [m * MINUTE for m in minutes]


def test_the_wait_stops_growing_at_the_longest_delay() -> None:
    policy = RetryPolicy(delay=MINUTE, max_delay=5 * MINUTE)
    assert [policy.wait_after(n, MIDDLE) / MINUTE for n in range(1, 6)] == [1, 2, 4, 5, 5]


@given(retry_policies, st.integers(1, 1000), dice)
def test_a_wait_stays_within_the_jitter_around_what_the_strategy_says(
    policy: RetryPolicy, failures: int, dice: float
) -> None:
    growth = {
        RetryStrategy.EXPONENTIAL_BACKOFF: 2.0 ** min(failures - 1, 60),
        RetryStrategy.LINEAR_BACKOFF: float(failures),
        RetryStrategy.FIXED_DELAY: 1.0,
    }[policy.strategy]
    cap = policy.max_delay or timedelta(days=366)
    base = min(policy.delay.total_seconds() * growth, cap.total_seconds())
    wait = policy.wait_after(failures, dice).total_seconds()
    tick = 1e-6 + base * 1e-9
    assert base * (1 - policy.jitter) - tick <= wait <= base * (1 + policy.jitter) + tick


@given(retry_policies, st.integers(1, 999), dice)
def test_a_later_wait_is_never_shorter(policy: RetryPolicy, failures: int, dice: float) -> None:
    assert policy.wait_after(failures, dice) <= policy.wait_after(failures + 1, dice)


def test_full_jitter_reaches_from_nothing_to_twice_the_wait() -> None:
    policy = RetryPolicy(delay=MINUTE, jitter=1.0)
    assert policy.wait_after(1, 0.0) == ZERO
    assert policy.wait_after(1, 0.75) == 1.5 * MINUTE


def test_no_delay_is_no_wait_however_often_it_failed() -> None:
    assert RetryPolicy(delay=ZERO, max_delay=ZERO).wait_after(1000, MIDDLE) == ZERO


@pytest.mark.parametrize(("failures", "again"), [(1, True), (2, True), (3, False), (4, False)])
def test_there_are_as_many_attempts_as_allowed_the_first_included(failures: int, again: bool) -> None:
    assert RetryPolicy(max_attempts=3).may_retry(failures, "EXIT_CODE") == again


def test_some_errors_are_never_worth_another_attempt() -> None:
    policy = RetryPolicy(max_attempts=3, never_retry=frozenset({"BAD_INPUT"}))
    assert not policy.may_retry(1, "BAD_INPUT")
    assert policy.may_retry(1, "EXIT_CODE")


def test_by_default_a_task_has_three_attempts_a_minute_and_two_apart_and_may_be_lost_three_times() -> None:
    policy = RetryPolicy()
    assert (policy.max_attempts, policy.max_lost) == (3, 3)
    assert [policy.wait_after(n, dice) for n in (1, 2) for dice in (0.0, 0.9)] == [
        MINUTE, MINUTE, 2 * MINUTE, 2 * MINUTE
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"max_attempts": 0}, "/maxAttempts"),
        ({"max_attempts": 1001}, "/maxAttempts"),
        ({"delay": -SECOND}, "/delay"),
        ({"delay": 367 * DAY}, "/delay"),
        ({"delay": HOUR, "max_delay": MINUTE}, "/maxDelay"),
        ({"max_delay": 367 * DAY}, "/maxDelay"),
        ({"jitter": -0.1}, "/jitter"),
        ({"jitter": 1.1}, "/jitter"),
        ({"jitter": float("nan")}, "/jitter"),
        ({"max_lost": -1}, "/maxLost"),
        ({"max_lost": 1001}, "/maxLost"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused_where_it_is_wrong(fields: dict[str, Any], pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        RetryPolicy(**fields)
    assert [(p.pointer, p.code) for p in refused.value.problems] == [(pointer, "INVALID_RETRY_POLICY")]


def test_everything_wrong_is_told_at_once() -> None:
    with pytest.raises(Invalid) as refused:
        RetryPolicy(max_attempts=0, jitter=2.0, max_lost=-1)
    assert [p.pointer for p in refused.value.problems] == ["/maxAttempts", "/jitter", "/maxLost"]
