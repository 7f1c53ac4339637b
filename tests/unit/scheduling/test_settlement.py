"""What the end of an attempt means for its task."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.scheduling.retry import RetryPolicy
from domain.scheduling.settlement import (
    CANCELLED_BY_HANDLER,
    EXECUTION_TIMEOUT,
    EXECUTOR_LOST,
    MOST_ATTEMPTS,
    SNOOZED,
    Attempt,
    Settlement,
    cancel,
    complete,
    fail,
    lose,
    snooze,
    time_out,
)
from domain.scheduling.task import STOP_GRACE, TaskError
from domain.scheduling.task_status import HELD, TaskStatus
from domain.shared.json_value import JsonText
from tests.builders import MINUTE, NOON, TASK_ID, attempt
from tests.unit.scheduling.strategies import dice, retry_policies

EXIT_3 = TaskError("EXIT_CODE", "exit code 3")
TOO_LONG = TaskError(EXECUTION_TIMEOUT, "took too long")
MIDDLE = 0.5


@st.composite
def attempts(draw: st.DrawFn) -> Attempt:
    """Held attempts with any history their policy allows."""
    policy = draw(retry_policies)
    lost = draw(st.integers(0, policy.max_lost))
    failed = draw(st.integers(0, policy.max_attempts - 1))
    return attempt(lost + failed + 1, lost, policy, status=draw(st.sampled_from(HELD)))


def test_a_handler_that_returned_has_completed_the_task() -> None:
    settled = complete(TASK_ID, 7, JsonText('{"exitCode":0}'))
    assert settled == Settlement(
        task_id=TASK_ID, token=7, status=TaskStatus.COMPLETED, result=JsonText('{"exitCode":0}')
    )


def test_a_failed_attempt_is_tried_again_after_the_wait() -> None:
    settled = fail(attempt(1), EXIT_3, NOON, MIDDLE)
    assert (settled.status, settled.ready_at) == (TaskStatus.WAITING_RETRY, NOON + MINUTE)
    assert settled.error == EXIT_3


def test_the_wait_counts_from_the_number_of_failures() -> None:
    assert fail(attempt(2), EXIT_3, NOON, MIDDLE).ready_at == NOON + 2 * MINUTE


def test_the_last_attempt_that_fails_fails_the_task() -> None:
    settled = fail(attempt(3), EXIT_3, NOON, MIDDLE)
    assert (settled.status, settled.ready_at, settled.error) == (TaskStatus.FAILED, None, EXIT_3)


def test_an_error_that_its_handler_calls_hopeless_fails_at_once() -> None:
    assert fail(attempt(1), EXIT_3, NOON, MIDDLE, retryable=False).status is TaskStatus.FAILED


def test_an_error_that_is_never_retried_fails_at_once() -> None:
    policy = RetryPolicy(never_retry=frozenset({"EXIT_CODE"}))
    assert fail(attempt(1, policy=policy), EXIT_3, NOON, MIDDLE).status is TaskStatus.FAILED


def test_lost_attempts_do_not_count_as_failures() -> None:
    third_of_which_two_were_lost = attempt(3, lost=2)
    assert third_of_which_two_were_lost.failures == 1
    assert fail(third_of_which_two_were_lost, EXIT_3, NOON, MIDDLE).ready_at == NOON + MINUTE


def test_a_lost_attempt_is_ready_again_at_once() -> None:
    settled = lose(attempt(1), "its executor left", NOON)
    assert (settled.status, settled.ready_at, settled.lost) == (TaskStatus.WAITING_RETRY, NOON, 1)
    assert settled.error == TaskError(EXECUTOR_LOST, "its executor left")


def test_a_task_is_not_lost_more_often_than_its_policy_allows() -> None:
    settled = lose(attempt(4, lost=3), "its executor left", NOON)
    assert (settled.status, settled.ready_at, settled.lost) == (TaskStatus.FAILED, None, 4)


def test_work_that_must_not_run_twice_fails_when_it_is_lost() -> None:
    assert lose(attempt(1, policy=RetryPolicy(max_lost=0)), "gone", NOON).status is TaskStatus.FAILED


def test_losing_an_attempt_does_not_use_up_a_try() -> None:
    policy = RetryPolicy(max_attempts=1, max_lost=1)
    assert lose(attempt(1, policy=policy), "gone", NOON).status is TaskStatus.WAITING_RETRY
    assert fail(attempt(2, lost=1, policy=policy), EXIT_3, NOON, MIDDLE).status is TaskStatus.FAILED


def test_an_attempt_that_took_too_long_is_over_for_the_record_while_its_executor_stops_it() -> None:
    settled = time_out(attempt(3), TOO_LONG, NOON, MIDDLE)
    assert (settled.status, settled.stopping_until) == (TaskStatus.TIMEOUT, NOON + STOP_GRACE)
    assert (settled.ready_at, settled.error) == (None, TOO_LONG)


def test_a_timeout_uses_up_a_try_and_is_tried_again_like_a_failure() -> None:
    settled = time_out(attempt(2), TOO_LONG, NOON, MIDDLE)
    assert (settled.status, settled.ready_at) == (TaskStatus.WAITING_RETRY, NOON + 2 * MINUTE)
    assert settled.stopping_until == NOON + STOP_GRACE


def test_a_timeout_may_be_among_the_errors_never_retried() -> None:
    policy = RetryPolicy(never_retry=frozenset({EXECUTION_TIMEOUT}))
    assert time_out(attempt(1, policy=policy), TOO_LONG, NOON, MIDDLE).status is TaskStatus.TIMEOUT


def _ways_to_end(held: Attempt, dice: float) -> list[Settlement]:
    return [
        fail(held, EXIT_3, NOON, dice),
        fail(held, EXIT_3, NOON, dice, retryable=False),
        lose(held, "gone", NOON),
        time_out(held, TOO_LONG, NOON, dice),
    ]


@given(attempts(), dice)
def test_every_settlement_is_a_way_of_the_transition_table_and_keeps_the_fence(held: Attempt, dice: float) -> None:
    for settled in _ways_to_end(held, dice):
        assert held.status.can_become(settled.status)
        assert (settled.task_id, settled.token) == (held.task_id, held.token)


@given(attempts(), dice)
def test_exactly_what_is_tried_again_says_from_when(held: Attempt, dice: float) -> None:
    for settled in _ways_to_end(held, dice):
        assert (settled.ready_at is not None) == (settled.status is TaskStatus.WAITING_RETRY)
        assert settled.ready_at is None or settled.ready_at >= NOON


@given(retry_policies, st.lists(st.sampled_from(["fail", "lose", "time out"]), max_size=60), dice)
def test_whatever_befalls_a_task_it_ends_within_its_tries_and_losses(
    policy: RetryPolicy, blows: list[str], dice: float
) -> None:
    number, lost, status = 1, 0, TaskStatus.RUNNING
    for blow in blows:
        held = attempt(number, lost, policy)
        settled = {
            "fail": fail(held, EXIT_3, NOON, dice),
            "lose": lose(held, "gone", NOON),
            "time out": time_out(held, TOO_LONG, NOON, dice),
        }[blow]
        lost, status = held.lost if settled.lost is None else settled.lost, settled.status
        if status is not TaskStatus.WAITING_RETRY:
            break
        number += 1
    assert number <= policy.max_attempts + policy.max_lost
    assert status.is_final or len(blows) < policy.max_attempts + policy.max_lost


@pytest.mark.parametrize("status", HELD)
def test_an_attempt_that_was_assigned_but_not_started_can_be_settled_as_well(status: TaskStatus) -> None:
    assert lose(attempt(1, status=status), "gone", NOON).status is TaskStatus.WAITING_RETRY


def test_a_failure_may_say_when_to_try_again_but_not_that_it_is_tried_again() -> None:
    assert fail(attempt(1), EXIT_3, NOON, MIDDLE, retry_after=7 * MINUTE).ready_at == NOON + 7 * MINUTE
    assert fail(attempt(3), EXIT_3, NOON, MIDDLE, retry_after=MINUTE).status is TaskStatus.FAILED
    assert fail(attempt(1), EXIT_3, NOON, MIDDLE, retryable=False, retry_after=MINUTE).ready_at is None


def test_a_snoozed_attempt_uses_up_no_try() -> None:
    settled = snooze(attempt(3, snoozed=1), "not yet", MINUTE, NOON)
    assert (settled.status, settled.ready_at, settled.snoozed) == (TaskStatus.WAITING_RETRY, NOON + MINUTE, 2)
    assert settled.error == TaskError(SNOOZED, "not yet")
    assert attempt(5, 1, snoozed=3).failures == 1


def test_a_task_is_not_snoozed_for_ever() -> None:
    assert snooze(attempt(MOST_ATTEMPTS - 1), "", MINUTE, NOON).status is TaskStatus.WAITING_RETRY
    last = snooze(attempt(MOST_ATTEMPTS), "not yet", MINUTE, NOON)
    assert (last.status, last.error and last.error.code) == (TaskStatus.FAILED, SNOOZED)


def test_a_handler_may_cancel_its_task() -> None:
    settled = cancel(TASK_ID, 7, "gone")
    assert (settled.status, settled.error) == (TaskStatus.CANCELLED, TaskError(CANCELLED_BY_HANDLER, "gone"))
