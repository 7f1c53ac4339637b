"""Attempts that others followed, and how attempts end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from domain.scheduling.ids import TaskId
from domain.scheduling.settlement import EXECUTION_TIMEOUT, EXECUTOR_LOST, SNOOZED, Settlement
from domain.scheduling.task import TaskError
from domain.scheduling.task_status import TaskStatus
from tests.simulation.store.rows import TaskRow

LOST = "LOST"


def ending(status: TaskStatus, error_code: str | None) -> str:
    """How an attempt ended when its task came to `status`."""
    if status not in (TaskStatus.FAILED, TaskStatus.WAITING_RETRY):
        return status.value
    by_code = {EXECUTOR_LOST: LOST, EXECUTION_TIMEOUT: TaskStatus.TIMEOUT.value, SNOOZED: SNOOZED}
    return by_code.get(error_code or "", TaskStatus.FAILED.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRow:
    """One attempt, after its end."""

    task_id: TaskId
    attempt: int
    token: int | None
    status: str
    executor_id: str | None
    claimed_at: datetime | None
    started_at: datetime | None
    ended_at: datetime
    error: TaskError | None

    @classmethod
    def of(cls, row: TaskRow, end: Settlement, now: datetime) -> AttemptRow:
        """From its task, as that was before."""
        return cls(
            task_id=row.id,
            attempt=row.attempt,
            token=row.token,
            status=ending(end.status, end.error.code if end.error else None),
            executor_id=row.holder.executor_id if row.holder else None,
            claimed_at=row.claimed_at,
            started_at=row.started_at,
            ended_at=now,
            error=end.error,
        )
