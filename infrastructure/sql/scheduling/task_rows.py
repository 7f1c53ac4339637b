"""Rows of tasks as values of the domain, and back."""

from __future__ import annotations

import logging
from dataclasses import asdict
from functools import lru_cache
from typing import Any, Final

import msgspec

from application.scheduling.job_mapping import decode_definition
from domain.scheduling.ids import ExecutorId, JobId, LaneId, TaskId
from domain.scheduling.ports.task_exchange import ClaimedTask, StopOrder
from domain.scheduling.retry import RetryPolicy
from domain.scheduling.settlement import EXECUTION_TIMEOUT, EXECUTOR_LOST, SNOOZED, Attempt
from domain.scheduling.task import Lease, TaskError, TaskInstance
from domain.scheduling.task_status import Gate, TaskStatus
from domain.shared.errors import Invalid
from domain.shared.ids import TenantId
from domain.shared.json_value import JsonText
from infrastructure.sql.relation import Row

log = logging.getLogger(__name__)

CLAIMED: Final = (
    "rank", "id", "token", "attempt", "job_name", "lane", "parameters", "timeout_s", "deadline_at", "checkpoint",
    "nominal_at",
)  # fmt: skip
"""Columns of a claimed task; rows sort by their place in the lane."""

AGGREGATE: Final = (
    "id", "tenant", "job_id", "job_name", "status", "attempt", "executor_id", "epoch", "token", "stopping_until",
    "status_reason", "ended_at", "version", "lane", "gate", "claim_id",
)  # fmt: skip
"""Columns that `TaskInstance` is made of."""

ATTEMPT: Final = ("id", "token", "status", "attempt", "lost", "snoozed", "executor_id", "total_deadline_at")
"""Columns that `Attempt` is made of, before the text of the job's definition."""

LOST: Final = "LOST"
"""How an attempt ended that ended with its executor, or was given back."""

_error_decoder: Final = msgspec.json.Decoder(TaskError)


def claimed_task(row: Row) -> ClaimedTask:
    """From the columns of `CLAIMED`."""
    _, id_, token, attempt, job_name, lane, parameters, timeout, deadline, checkpoint, nominal_at = row
    return ClaimedTask(
        id=TaskId(id_),
        token=token,
        attempt=attempt,
        job_name=job_name,
        lane=LaneId(lane),
        parameters=JsonText(parameters),
        timeout_seconds=timeout,
        deadline_at=deadline,
        checkpoint=checkpoint,
        nominal_at=nominal_at,
    )


def stop_order(task_id: Any, token: int, reason: str | None, error: str | None, absences: int = 0) -> StopOrder:
    """What was said about the task, or else what its error says, tells the executor why."""
    if reason is None and error is not None:
        reason = decode_error(error).message
    return StopOrder(task_id=TaskId(task_id), token=token, reason=reason, absences=absences)


def attempt_of(row: Row) -> Attempt:
    """From the columns of `ATTEMPT` and the definition."""
    id_, token, status, number, lost, snoozed, executor_id, total_deadline_at, definition = row
    return Attempt(
        task_id=TaskId(id_),
        token=token,
        status=TaskStatus(status),
        number=number,
        lost=lost,
        snoozed=snoozed,
        policy=_retry_policy(definition),
        executor_id=ExecutorId(executor_id),
        total_deadline_at=total_deadline_at,
    )


def task_instance(row: Any) -> TaskInstance:
    """From a row with the columns of `AGGREGATE`."""
    lease = None
    if row.executor_id is not None:
        lease = Lease(executor_id=ExecutorId(row.executor_id), epoch=row.epoch, token=row.token)
    return TaskInstance(
        id=TaskId(row.id),
        tenant=TenantId(row.tenant),
        job_id=JobId(row.job_id),
        job_name=row.job_name,
        status=TaskStatus(row.status),
        attempt=row.attempt,
        lease=lease,
        stopping_until=row.stopping_until,
        status_reason=row.status_reason,
        ended_at=row.ended_at,
        version=row.version,
        lane=LaneId(row.lane),
        gate=None if row.gate is None else Gate(row.gate),
        is_undelivered=row.status == TaskStatus.ASSIGNED and row.claim_id is None,
    )


def encode_error(error: TaskError | None) -> str | None:
    """As JSON text: code, message, stack, and the fingerprint, so that failures can be found by it."""
    if error is None:
        return None
    return msgspec.json.encode({**asdict(error), "fingerprint": error.fingerprint}).decode()


def decode_error(text: str) -> TaskError:
    """The inverse of `encode_error`."""
    return _error_decoder.decode(text)


def ending(status: TaskStatus, error_code: str | None) -> str:
    """How an attempt ended when its task came to `status`: COMPLETED, FAILED, TIMEOUT, CANCELLED, LOST or SNOOZED."""
    if status not in (TaskStatus.FAILED, TaskStatus.WAITING_RETRY):
        return status.value
    by_code = {EXECUTOR_LOST: LOST, EXECUTION_TIMEOUT: TaskStatus.TIMEOUT.value, SNOOZED: SNOOZED}
    return by_code.get(error_code or "", TaskStatus.FAILED.value)


@lru_cache(maxsize=1024)
def _retry_policy(definition: str | None) -> RetryPolicy:
    """By text: it means the same in every database. One that cannot be read must not hold up its task for ever."""
    try:
        return RetryPolicy() if definition is None else decode_definition(definition).retry
    except Invalid as error:
        log.warning("a job's definition cannot be read, its task is retried by default: %s", error)
        return RetryPolicy()
