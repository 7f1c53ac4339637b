"""Cancelling one task."""

from __future__ import annotations

import pytest

from domain.scheduling.errors import IllegalTransition
from domain.scheduling.events import TaskCancelled
from domain.scheduling.ids import ExecutorId
from domain.scheduling.task import STOP_GRACE, Lease
from domain.scheduling.task_status import FINAL, HELD, LIVE, TaskStatus
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
