"""Whole tasks, one at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from domain.scheduling.errors import StaleVersion, TaskNotFound
from domain.scheduling.ids import JobId, TaskId
from domain.scheduling.ports.task_repository import TaskRepository
from domain.scheduling.task import TaskInstance
from domain.shared.ids import TenantId
from infrastructure.sql.scheduling.tables import TASK_COLUMNS, task_history, tasks
from infrastructure.sql.scheduling.task_changes import t
from infrastructure.sql.scheduling.task_rows import AGGREGATE, task_instance
from infrastructure.sql.unit_of_work import SqlUnitOfWork


class SqlTaskRepository(TaskRepository):
    """Part of a unit of work."""

    def __init__(self, work: SqlUnitOfWork) -> None:
        self._work = work
        self._ended: set[TaskId] = set()

    async def get(self, tenant: TenantId, task_id: TaskId) -> TaskInstance:
        # In this order: a task moves from the live ones to history, and a waiting lock is over when it has.
        for table in (tasks, task_history):
            found = _facts(table).where(table.c.id == task_id, table.c.tenant == tenant)
            row = (await self._work.execute(found.with_for_update() if table is tasks else found)).one_or_none()
            if row is not None:
                if table is task_history:
                    self._ended.add(task_id)
                return task_instance(row)
        raise TaskNotFound(task_id)

    async def live_of(self, tenant: TenantId, job_id: JobId) -> Sequence[TaskInstance]:
        found = _facts(tasks).where(t.job_id == job_id, t.tenant == tenant).order_by(t.id).with_for_update()
        return [task_instance(row) for row in await self._work.execute(found)]

    async def save(self, task: TaskInstance) -> None:
        if task.id in self._ended:
            return  # history does not change
        changes = _changes(task)
        this = sa.and_(t.id == task.id, t.version == task.version)
        if task.status.is_final and not task.is_stopping:
            new = {name: sa.literal(value, t[name].type) for name, value in changes.items()}
            row = {name: t[name] for name in TASK_COLUMNS} | new
            moved = sa.select(*row.values()).where(this)
            await self._work.execute(sa.insert(task_history).from_select(list(row), moved))
            done = await self._work.execute(sa.delete(tasks).where(this))
        else:
            done = await self._work.execute(sa.update(tasks).where(this).values(changes))
        if done.rowcount != 1:
            raise StaleVersion(f"Task {task.id}")
        self._work.release(task)


def _facts(table: sa.Table) -> sa.Select[Any]:
    return sa.select(*(table.c[name] for name in AGGREGATE))


def _changes(task: TaskInstance) -> dict[str, Any]:
    """What a task may change about itself. One that has ended waits for nothing any more."""
    changes: dict[str, Any] = {
        "status": task.status.value,
        "status_reason": task.status_reason,
        "stopping_until": task.stopping_until,
        "ended_at": task.ended_at,
        "version": task.version + 1,
    }
    return changes | {"gate": None} if task.status.is_final else changes
