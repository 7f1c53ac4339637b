"""One task: cancelled, given away by name, told of by whoever holds it."""

from __future__ import annotations

import pytest

from domain.scheduling.errors import IllegalTaskState, IllegalTransition, LeaseLost
from domain.scheduling.events import TaskAssigned, TaskCancelled, TaskRetryScheduled
from domain.scheduling.ids import ExecutorId
from domain.scheduling.task import ALLOWED_ACTIONS, SATISFIED_BY, STOP_GRACE, Lease
from domain.scheduling.task_status import CLAIMABLE, FINAL, HELD, LIVE, REOPENED_BY_OPERATOR, Gate, TaskStatus
from tests.builders import JOB_ID, MINUTE, NOON, SECOND, TASK_ID, task

LEASE = Lease(ExecutorId("worker-1"), 1, 7)
WAITING = [s for s in LIVE if s not in HELD]
ENDED_OTHERWISE = [s for s in FINAL if s is not TaskStatus.CANCELLED]


@pytest.mark.parametrize("status", WAITING)
def test_a_waiting_task_is_cancelled_for_good(status: TaskStatus) -> None:
    cancelled = task(status)
    cancelled.cancel("not needed", NOON)
    assert (cancelled.status, cancelled.status_reason) == (TaskStatus.CANCELLED, "not needed")
    assert (cancelled.ended_at, cancelled.is_stopping) == (NOON, False)


@pytest.mark.parametrize("status", HELD)
def test_a_held_task_keeps_its_lease_until_its_executor_has_stopped_it(status: TaskStatus) -> None:
    cancelled = task(status, LEASE)
    cancelled.cancel(None, NOON)
    assert (cancelled.status, cancelled.ended_at) == (TaskStatus.CANCELLED, NOON)
    assert (cancelled.lease, cancelled.stopping_until) == (LEASE, NOON + STOP_GRACE)


def test_the_grace_for_stopping_may_be_chosen() -> None:
    cancelled = task(TaskStatus.RUNNING, LEASE)
    cancelled.cancel(None, NOON, grace=5 * SECOND)
    assert cancelled.stopping_until == NOON + 5 * SECOND


def test_a_timed_out_attempt_that_still_stops_gets_no_longer_grace_by_cancelling_its_retry() -> None:
    stopping = task(TaskStatus.WAITING_RETRY, LEASE, stopping_until=NOON + MINUTE)
    stopping.cancel(None, NOON + 30 * SECOND)
    assert (stopping.status, stopping.stopping_until) == (TaskStatus.CANCELLED, NOON + MINUTE)


def test_cancelling_again_changes_nothing() -> None:
    cancelled = task(TaskStatus.RUNNING, LEASE)
    cancelled.cancel("first", NOON)
    cancelled.release_events()
    cancelled.cancel("second", NOON + MINUTE)
    assert (cancelled.status_reason, cancelled.ended_at) == ("first", NOON)
    assert cancelled.stopping_until == NOON + STOP_GRACE
    assert cancelled.release_events() == []


@pytest.mark.parametrize("status", ENDED_OTHERWISE)
def test_a_task_that_ended_otherwise_cannot_be_cancelled(status: TaskStatus) -> None:
    ended = task(status, ended_at=NOON)
    with pytest.raises(IllegalTransition, match=f"is {status}; it cannot become CANCELLED") as refused:
        ended.cancel("too late", NOON + MINUTE)
    assert refused.value.current_status == status
    assert (ended.status, ended.ended_at, ended.release_events()) == (status, NOON, [])


def test_cancelling_is_an_event() -> None:
    cancelled = task(TaskStatus.RUNNING, LEASE)
    cancelled.cancel("not needed", NOON)
    assert cancelled.release_events() == [
        TaskCancelled(occurred_at=NOON, task_id=TASK_ID, job_id=JOB_ID, job_name="backup", reason="not needed")
    ]


WAYS = {"start": TaskStatus.RUNNING, "complete": TaskStatus.COMPLETED, "fail": TaskStatus.FAILED}
VERBS = [*WAYS, "log"]


@pytest.mark.parametrize("status", TaskStatus)
def test_what_is_allowed_agrees_with_the_ways_between_states(status: TaskStatus) -> None:
    allowed = ALLOWED_ACTIONS[status]
    assert ("assign" in allowed) == status.can_become(TaskStatus.ASSIGNED)
    assert ("cancel" in allowed) == status.can_become(TaskStatus.CANCELLED)
    assert ("retry" in allowed) == (status in REOPENED_BY_OPERATOR)
    assert ("log" in allowed) == (status in HELD)
    for action, target in WAYS.items():
        assert (action in allowed) == (status in HELD and status.can_become(target))


@pytest.mark.parametrize("status", CLAIMABLE)
def test_a_waiting_task_is_given_to_an_executor_even_before_its_time(status: TaskStatus) -> None:
    given = task(status, gate=Gate.TIME)
    given.assign(LEASE, NOON)
    assert (given.status, given.gate, given.lease, given.attempt) == (TaskStatus.ASSIGNED, None, LEASE, 2)
    assert given.is_undelivered
    (event,) = given.release_events()
    assert event == TaskAssigned(
        occurred_at=NOON, task_id=TASK_ID, job_id=JOB_ID, job_name="backup", executor_id=LEASE.executor_id, attempt=2
    )


@pytest.mark.parametrize("status", [s for s in TaskStatus if s not in CLAIMABLE])
def test_what_does_not_wait_is_not_given_away(status: TaskStatus) -> None:
    with pytest.raises(IllegalTaskState, match=f"is {status}; it cannot assign") as refused:
        task(status).assign(LEASE, NOON)
    assert refused.value.allowed_actions == ALLOWED_ACTIONS[status]


def test_what_still_stops_is_not_given_away() -> None:
    stopping = task(TaskStatus.WAITING_RETRY, LEASE, stopping_until=NOON)
    with pytest.raises(IllegalTaskState):
        stopping.assign(LEASE, NOON)
    assert stopping.allowed_actions == ("rerun",)


def test_what_was_assigned_and_not_fetched_is_cancelled_for_good() -> None:
    given = task(TaskStatus.PENDING)
    given.assign(LEASE, NOON)
    given.cancel(None, NOON)
    assert (given.status, given.is_stopping) == (TaskStatus.CANCELLED, False)


@pytest.mark.parametrize("token", [None, LEASE.token])
@pytest.mark.parametrize("action", VERBS)
def test_who_holds_a_task_may_tell_of_it(action: str, token: int | None) -> None:
    status = TaskStatus.ASSIGNED if action == "start" else TaskStatus.RUNNING
    assert task(status, LEASE).lease_for(action, LEASE.executor_id, token) == LEASE


@pytest.mark.parametrize("action", VERBS)
@pytest.mark.parametrize(("executor", "token"), [("other", None), ("other", LEASE.token), ("worker-1", 8)])
def test_nobody_else_may(action: str, executor: str, token: int | None) -> None:
    for status in (*HELD, *FINAL):
        with pytest.raises(LeaseLost) as refused:
            task(status, LEASE).lease_for(action, ExecutorId(executor), token)
        assert refused.value.current_status == status


@pytest.mark.parametrize("action", SATISFIED_BY)
def test_a_verb_that_is_satisfied_needs_no_lease_any_more(action: str) -> None:
    assert task(SATISFIED_BY[action], LEASE).lease_for(action, LEASE.executor_id, None) is None


@pytest.mark.parametrize("action", VERBS)
def test_a_task_that_nobody_holds_says_what_is_possible(action: str) -> None:
    for status in WAITING:
        with pytest.raises(IllegalTaskState, match=f"it cannot {action}"):
            task(status).lease_for(action, LEASE.executor_id, None)
    with pytest.raises(IllegalTaskState):
        task(TaskStatus.CANCELLED, LEASE).lease_for(action, LEASE.executor_id, None)


@pytest.mark.parametrize("status", sorted(REOPENED_BY_OPERATOR))
def test_a_task_that_ended_without_success_may_be_tried_once_more(status: TaskStatus) -> None:
    again = task(status, LEASE, ended_at=NOON, status_reason="broken")
    again.reopen("mended", NOON)
    assert (again.status, again.status_reason, again.lease, again.ended_at) == (
        TaskStatus.PENDING, "mended", None, None
    )  # fmt: skip
    assert again.release_events() == [
        TaskRetryScheduled(
            occurred_at=NOON, task_id=TASK_ID, job_id=JOB_ID, job_name="backup", attempt=1, reason="mended"
        )
    ]


@pytest.mark.parametrize("status", [s for s in TaskStatus if s not in REOPENED_BY_OPERATOR])
def test_no_other_task_is_tried_once_more(status: TaskStatus) -> None:
    with pytest.raises(IllegalTaskState, match="it cannot retry"):
        task(status).reopen(None, NOON)


def test_what_still_stops_is_not_tried_once_more() -> None:
    with pytest.raises(IllegalTaskState):
        task(TaskStatus.CANCELLED, LEASE, stopping_until=NOON).reopen(None, NOON)
