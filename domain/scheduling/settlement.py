"""What the end of an attempt means for its task: decided here one by one, written down set by set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from domain.scheduling.ids import ExecutorId, TaskId
from domain.scheduling.retry import RetryPolicy
from domain.scheduling.task import STOP_GRACE, TaskError
from domain.scheduling.task_status import TaskStatus
from domain.shared.json_value import JsonText


class ReportOutcome(StrEnum):
    """The answer to one report: applied; already known; the lease is gone (its result is kept as an orphan);

    not a valid report.
    """

    APPLIED = "APPLIED"
    ALREADY = "ALREADY"
    LEASE_LOST = "LEASE_LOST"
    INVALID = "INVALID"


EXECUTOR_LOST = "EXECUTOR_LOST"
EXECUTION_TIMEOUT = "EXECUTION_TIMEOUT"
QUEUE_TIMEOUT = "QUEUE_TIMEOUT"
TOTAL_TIMEOUT = "TOTAL_TIMEOUT"
SNOOZED = "SNOOZED"
CANCELLED_BY_HANDLER = "CANCELLED_BY_HANDLER"

_TOO_LONG: Mapping[str, TaskError] = MappingProxyType(
    {
        code: TaskError(code, message)
        for code, message in (
            (EXECUTION_TIMEOUT, "The execution took longer than the job's execution timeout."),
            (QUEUE_TIMEOUT, "No executor took the task within the job's queue timeout."),
            (TOTAL_TIMEOUT, "The task did not end within the job's total timeout."),
        )
    }
)

MOST_ATTEMPTS = 10_000
"""After so many a task cannot be snoozed any more: with a minute in between it has waited for a week."""

EVENT_OF: Mapping[TaskStatus, str] = MappingProxyType(
    {
        TaskStatus.COMPLETED: "TaskCompleted",
        TaskStatus.FAILED: "TaskFailed",
        TaskStatus.TIMEOUT: "TaskTimedOut",
        TaskStatus.CANCELLED: "TaskCancelled",
        TaskStatus.SKIPPED: "TaskSkipped",
        TaskStatus.WAITING_RETRY: "TaskRetryScheduled",
    }
)
"""The public name of the event that a settlement to each state is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What a decision about the end of an attempt needs to know.

    `number` counts all attempts, `lost` and `snoozed` those that ended so before; `executor_id` holds it. Its task as a
    whole may take until `total_deadline_at`.
    """

    task_id: TaskId
    token: int
    status: TaskStatus
    number: int
    lost: int
    policy: RetryPolicy
    snoozed: int = 0
    executor_id: ExecutorId | None = None
    total_deadline_at: datetime | None = None

    @property
    def failures(self) -> int:
        """The tries this attempt uses up if it fails: lost and snoozed attempts are not counted."""
        return self.number - self.lost - self.snoozed


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """The decided end of an attempt, valid only while its task still has `token`.

    `status` is final or WAITING_RETRY; then `ready_at` says from when it may be claimed. With `stopping_until` the
    executor has yet to let go: the task stays live and keeps its slot until it does, or until that instant. `lost` and
    `snoozed` are the new counts.
    """

    task_id: TaskId
    token: int
    status: TaskStatus
    result: JsonText | None = None
    error: TaskError | None = None
    ready_at: datetime | None = None
    stopping_until: datetime | None = None
    lost: int | None = None
    snoozed: int | None = None


def complete(task_id: TaskId, token: int, result: JsonText | None) -> Settlement:
    """The handler returned."""
    return Settlement(task_id=task_id, token=token, status=TaskStatus.COMPLETED, result=result)


def fail(
    attempt: Attempt,
    error: TaskError,
    now: datetime,
    dice: float,
    *,
    retryable: bool = True,
    retry_after: timedelta | None = None,
) -> Settlement:
    """The handler failed: another attempt after the policy's wait, or the end. `dice` in [0, 1) is for the jitter.

    `retry_after` is the handler's word on the wait; whether there is another attempt is not for it to say.
    """
    if retryable and attempt.policy.may_retry(attempt.failures, error.code):
        return Settlement(
            task_id=attempt.task_id,
            token=attempt.token,
            status=TaskStatus.WAITING_RETRY,
            error=error,
            ready_at=now + (attempt.policy.wait_after(attempt.failures, dice) if retry_after is None else retry_after),
        )
    return Settlement(task_id=attempt.task_id, token=attempt.token, status=TaskStatus.FAILED, error=error)


def snooze(attempt: Attempt, why: str, delay: timedelta, now: datetime) -> Settlement:
    """The handler wants to be called again after `delay`, which uses up no try."""
    if attempt.number >= MOST_ATTEMPTS:
        error = TaskError(SNOOZED, f"It was snoozed again, for the last time after {attempt.number} attempts: {why}")
        return Settlement(task_id=attempt.task_id, token=attempt.token, status=TaskStatus.FAILED, error=error)
    return Settlement(
        task_id=attempt.task_id,
        token=attempt.token,
        status=TaskStatus.WAITING_RETRY,
        error=TaskError(SNOOZED, why),
        ready_at=now + delay,
        snoozed=attempt.snoozed + 1,
    )


def cancel(task_id: TaskId, token: int, why: str) -> Settlement:
    """The handler says that there is nothing to do, now or later."""
    error = TaskError(CANCELLED_BY_HANDLER, why)
    return Settlement(task_id=task_id, token=token, status=TaskStatus.CANCELLED, error=error)


def lose(attempt: Attempt, why: str, now: datetime) -> Settlement:
    """The attempt ended with its executor, or was given back:

    ready again at once, unless it may not be lost (again).
    """
    error = TaskError(EXECUTOR_LOST, why)
    if attempt.lost < attempt.policy.max_lost:
        return Settlement(
            task_id=attempt.task_id,
            token=attempt.token,
            status=TaskStatus.WAITING_RETRY,
            error=error,
            ready_at=now,
            lost=attempt.lost + 1,
        )
    return Settlement(
        task_id=attempt.task_id, token=attempt.token, status=TaskStatus.FAILED, error=error, lost=attempt.lost + 1
    )


def time_out(attempt: Attempt, error: TaskError, now: datetime, dice: float) -> Settlement:
    """The execution took too long: final for the record at once, while the executor still has to stop it.

    A timeout uses up a try like a failure; the next attempt begins only after this one has stopped.
    """
    until = now + STOP_GRACE
    if attempt.policy.may_retry(attempt.failures, error.code):
        return Settlement(
            task_id=attempt.task_id,
            token=attempt.token,
            status=TaskStatus.WAITING_RETRY,
            error=error,
            ready_at=now + attempt.policy.wait_after(attempt.failures, dice),
            stopping_until=until,
        )
    return Settlement(
        task_id=attempt.task_id, token=attempt.token, status=TaskStatus.TIMEOUT, error=error, stopping_until=until
    )


def overdue(attempt: Attempt, now: datetime, dice: float) -> Settlement:
    """The attempt, or its task as a whole, has taken too long at `now`: there is no other try after the latter."""
    if attempt.total_deadline_at is None or now < attempt.total_deadline_at:
        return time_out(attempt, _TOO_LONG[EXECUTION_TIMEOUT], now, dice)
    return replace(give_up(attempt.task_id, TOTAL_TIMEOUT), token=attempt.token, stopping_until=now + STOP_GRACE)


def give_up(task_id: TaskId, code: str) -> Settlement:
    """A task that waits has no time left: `code` is QUEUE_TIMEOUT or TOTAL_TIMEOUT. It is under no token."""
    return Settlement(task_id=task_id, token=0, status=TaskStatus.TIMEOUT, error=_TOO_LONG[code])
