"""Whole tasks, one at a time."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from domain.scheduling.errors import StaleVersion, TaskNotFound, UniqueKeyTaken
from domain.scheduling.ids import JobId, TaskId
from domain.scheduling.ports.task_repository import TaskRepository
from domain.scheduling.task import Lease, Origin, TaskInstance
from domain.scheduling.task_status import TaskStatus
from domain.shared.ids import TenantId
from infrastructure.sql.scheduling.buffered import BUFFERED, END_WAIT, WAIT_AGAIN, dropped
from infrastructure.sql.scheduling.judging import IDS, LEAVE_JUDGEMENTS
from infrastructure.sql.scheduling.reopening import reopen
from infrastructure.sql.scheduling.task_changes import t
from infrastructure.sql.scheduling.task_rows import AGGREGATE, task_instance
from infrastructure.sql.scheduling.task_tables import TASK_COLUMNS, task_history, task_tokens, tasks
from infrastructure.sql.scheduling.turns import begin
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

    async def live_fires_of(self, jobs: Collection[JobId]) -> Sequence[TaskInstance]:
        fires = (t.job_id.in_(jobs), t.origin != Origin.DIRECT)
        found = _facts(tasks).where(*fires).order_by(t.id).with_for_update()
        return [task_instance(row) for row in await self._work.execute(found)]

    async def with_key(self, tenant: TenantId, unique_key: str) -> TaskId | None:
        named = sa.select(t.id).where(t.tenant == tenant, t.unique_key == unique_key, t.unique_key.is_not(None))
        return (await self._work.execute(named)).scalar_one_or_none()

    async def name(self, task_id: TaskId, unique_key: str) -> None:
        try:
            await self._work.execute(sa.update(tasks).where(t.id == task_id).values(unique_key=unique_key))
        except sa.exc.IntegrityError:
            raise UniqueKeyTaken(unique_key) from None

    async def next_token(self) -> int:
        if self._work.dialect == "postgresql":
            next_: sa.Executable = sa.select(sa.Sequence("task_tokens").next_value())
        else:
            next_ = sa.update(task_tokens).values(last=task_tokens.c.last + 1).returning(task_tokens.c.last)
        token: int = (await self._work.execute(next_)).scalar_one()
        return token

    async def save(self, task: TaskInstance) -> None:
        if task.id in self._ended:
            if not task.status.is_final:
                await reopen(self._work, task)
                await self._work.fetch(WAIT_AGAIN, **BUFFERED.bind(self._work.dialect, [(task.id,)]))
            return
        await self._tell_ledger(task)
        changes = _changes(task, self._work.now)
        this = sa.and_(t.id == task.id, t.version == task.version)
        if task.status.is_final and not task.is_stopping:
            new = {name: sa.literal(value, t[name].type) for name, value in changes.items()}
            row = {name: t[name] for name in TASK_COLUMNS} | new
            moved = sa.select(*row.values()).where(this)
            await self._work.fetch(LEAVE_JUDGEMENTS, **IDS.bind(self._work.dialect, [(task.id,)]))
            await self._work.execute(sa.insert(task_history).from_select(list(row), moved))
            done = await self._work.execute(sa.delete(tasks).where(this))
        else:
            done = await self._work.execute(sa.update(tasks).where(this).values(changes))
        if done.rowcount != 1:
            raise StaleVersion(f"Task {task.id}")
        self._work.release(task)

    async def _tell_ledger(self, task: TaskInstance) -> None:
        """About the fire of a task that may have waited for its turn."""
        if task.status.is_final and task.gate is not None:
            why = f"its task was {task.status} before its turn"
            reason = why if task.status_reason is None else f"{why}: {task.status_reason}"
            await self._work.fetch(END_WAIT, **dropped(self._work.dialect, [(task.id,)], reason))
        elif task.status is TaskStatus.ASSIGNED:
            await begin(self._work, [task.id])


def _facts(table: sa.Table) -> sa.Select[Any]:
    return sa.select(*(table.c[name] for name in AGGREGATE))


def _changes(task: TaskInstance, now: datetime) -> dict[str, Any]:
    """What a task may change about itself. One that has ended waits for nothing any more."""
    if task.is_undelivered and task.lease is not None and task.status is TaskStatus.ASSIGNED:
        return _assigned(task, task.lease, now)
    changes: dict[str, Any] = {
        "status": task.status.value,
        "status_reason": task.status_reason,
        "stopping_until": task.stopping_until,
        "ended_at": task.ended_at,
        "version": task.version + 1,
    }
    return changes | {"gate": None} if task.status.is_final else changes


def _assigned(task: TaskInstance, lease: Lease, now: datetime) -> dict[str, Any]:
    """Like a claim that is still on its way: without a claim's id and without a deadline until it arrives."""
    progress = ("progress", "progress_message")
    begun_anew = ("claim_id", "started_at", "deadline_at", "expires_at", "error", *progress, "gate")
    return {
        **dict.fromkeys(begun_anew),
        "status": task.status.value,
        "attempt": task.attempt,
        "executor_id": lease.executor_id,
        "epoch": lease.epoch,
        "token": lease.token,
        "claimed_at": now,
        "absences": 0,
        "version": task.version + 1,
    }
