"""Whole tasks, one at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from domain.scheduling.errors import StaleVersion, TaskNotFound, UniqueKeyTaken
from domain.scheduling.ids import JobId, TaskId
from domain.scheduling.occurrence import Decision
from domain.scheduling.ports.task_queue import Session
from domain.scheduling.ports.task_repository import TaskRepository
from domain.scheduling.task import Origin, TaskInstance
from domain.scheduling.task_status import TaskStatus
from domain.shared.ids import TenantId
from tests.simulation.store.aggregates import tell
from tests.simulation.store.database import KeyTaken, Transaction
from tests.simulation.store.rows import TaskRow
from tests.simulation.store.schedule_table import ScheduleTable
from tests.simulation.store.statement import statement
from tests.simulation.store.task_table import TaskTable


class MemoryTaskRepository(TaskRepository):
    """Part of a unit of work."""

    def __init__(self, transaction: Transaction, now: datetime) -> None:
        self.transaction = transaction
        self._now = now
        self._ended: set[TaskId] = set()
        self._tasks, self._schedules = TaskTable(transaction), ScheduleTable(transaction)

    @statement
    def get(self, tenant: TenantId, task_id: TaskId) -> TaskInstance:
        row = self._tasks.live.lock(task_id)
        if row is None and (row := self._tasks.ended.get(task_id)) is not None:
            self._ended.add(task_id)
        if row is None or row.tenant != tenant:
            raise TaskNotFound(task_id)
        return row.as_instance()

    @statement
    def live_of(self, tenant: TenantId, job_id: JobId) -> Sequence[TaskInstance]:
        return self._locked(r for r in self._tasks.live.rows() if r.job_id == job_id and r.tenant == tenant)

    @statement
    def live_fires_of(self, jobs: Collection[JobId]) -> Sequence[TaskInstance]:
        rows = self._tasks.live.rows()
        return self._locked(r for r in rows if r.job_id in jobs and r.origin is not Origin.DIRECT)

    def _locked(self, rows: Iterable[TaskRow]) -> Sequence[TaskInstance]:
        return [row.as_instance() for row in self._tasks.take(sorted(rows, key=lambda row: row.id))]

    @statement
    def with_key(self, tenant: TenantId, unique_key: str) -> TaskId | None:
        return self._tasks.keys.get((tenant, unique_key))

    @statement
    def name(self, task_id: TaskId, unique_key: str) -> None:
        row = self._tasks.live.lock(task_id)
        assert row is not None
        try:
            self._tasks.keys.insert((row.tenant, unique_key), task_id)
        except KeyTaken:
            raise UniqueKeyTaken(unique_key) from None
        self._tasks.live.put(task_id, replace(row, unique_key=unique_key))

    @statement
    def next_token(self) -> int:
        self.transaction.database.last_token += 1
        return self.transaction.database.last_token

    @statement
    def save(self, task: TaskInstance) -> None:
        if task.id in self._ended:
            if not task.status.is_final:
                raise NotImplementedError("no operator of a world retries what has ended")
            return
        row = self._tasks.live.lock(task.id)
        if row is None or row.version != task.version:
            raise StaleVersion(f"Task {task.id}")
        tell(self.transaction, task)
        task.version += 1
        self._tell_ledger(task)
        changed = self._changed(row, task)
        if changed.status.is_final and not changed.is_stopping:
            self._tasks.to_history(changed)
        else:
            self._tasks.live.put(task.id, changed)

    def _tell_ledger(self, task: TaskInstance) -> None:
        """About the fire of a task that may have waited for its turn."""
        if task.status.is_final and task.gate is not None:
            reason = f"its task was {task.status} before its turn"
            self._schedules.buffered([task.id], Decision.BUFFER_DROPPED, reason)
        elif task.status is TaskStatus.ASSIGNED:
            self._schedules.begin([task.id])

    def _changed(self, row: TaskRow, task: TaskInstance) -> TaskRow:
        if task.is_undelivered and task.lease is not None and not task.status.is_final:
            return replace(
                row,
                claim_id=None,
                started_at=None,
                deadline_at=None,
                expires_at=None,
                error=None,
                progress=None,
                progress_message=None,
                gate=None,
                status=task.status,
                attempt=task.attempt,
                holder=Session(executor_id=task.lease.executor_id, epoch=task.lease.epoch),
                token=task.lease.token,
                claimed_at=self._now,
                absences=0,
                version=task.version,
            )
        return replace(
            row,
            status=task.status,
            reason=task.status_reason,
            stopping_until=task.stopping_until,
            ended_at=task.ended_at,
            gate=None if task.status.is_final else row.gate,
            version=task.version,
        )
