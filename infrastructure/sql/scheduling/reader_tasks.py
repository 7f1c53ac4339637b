"""Tasks, live ones and history as one list, and their attempts."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from application.scheduling.queries import Slice, TaskFilter
from application.scheduling.views import AttemptView, ErrorView, TaskView
from application.shared.page import Page
from domain.scheduling.errors import TaskNotFound
from domain.scheduling.task_status import FINAL, TaskStatus
from domain.shared.ids import TenantId
from infrastructure.sql.cursors import Cursors
from infrastructure.sql.scheduling.reading import Reading, Row, page_of, raw
from infrastructure.sql.scheduling.tables import TASK_COLUMNS, task_attempts, task_history, tasks

_UNSHOWN = frozenset(
    ("fire_key", "unique_key", "lane", "rank", "absences", "epoch", "claim_id", "timeout_s", "expires_at", "checkpoint")
)
_SHOWN = [name for name in TASK_COLUMNS if name not in _UNSHOWN]
_error = msgspec.json.Decoder(ErrorView).decode


class TaskReading(Reading):
    """The part of the reader that knows tasks."""

    async def task(self, tenant: TenantId, task_id: UUID) -> TaskView:
        return _task(await self._task_row(tenant, task_id))

    async def tasks(self, tenant: TenantId, where: TaskFilter, page: Slice) -> Page[TaskView]:
        cursors = Cursors("tasks", where, UUID)
        before = None if page.cursor is None else cursors.position(page.cursor)
        # A final task may still be among the live ones, while it stops; in history nothing is live.
        reads_history = not where.statuses or any(status in FINAL for status in where.statuses)
        tables = (tasks, task_history) if reads_history else (tasks,)
        newest = [_newest(table, tenant, where, before, page.limit + 1) for table in tables]
        together = sa.union_all(*(sa.select(part.subquery()) for part in newest)).subquery()
        query = sa.select(together).order_by(together.c.id.desc()).limit(page.limit + 1)
        return page_of(await self._all(query), page.limit, cursors, lambda row: row.id, _task)

    async def attempts(self, tenant: TenantId, task_id: UUID) -> list[AttemptView]:
        task = await self._task_row(tenant, task_id)
        a = task_attempts.c
        rows = await self._all(sa.select(task_attempts).where(a.task_id == task_id).order_by(a.attempt))
        ended = [_attempt(row) for row in rows]
        # An attempt that another one follows has a row of its own; the last one stands in the task's.
        last_is_in_task = task.attempt > 0 and all(row.attempt != task.attempt for row in rows)
        return [*ended, _attempt(task)] if last_is_in_task else ended

    async def _task_row(self, tenant: TenantId, task_id: UUID) -> Row:
        row = await self._first(
            sa.union_all(
                *(_of(table).where(table.c.id == task_id, table.c.tenant == tenant) for table in (tasks, task_history))
            )
        )
        if row is None:
            raise TaskNotFound(task_id)
        return row


def _of(table: sa.Table) -> sa.Select[Any]:
    return sa.select(*(table.c[name] for name in _SHOWN))


def _newest(table: sa.Table, tenant: TenantId, where: TaskFilter, before: UUID | None, limit: int) -> sa.Select[Any]:
    """Each table gives its newest by itself, from an index that ends with the id."""
    query = _of(table).where(table.c.tenant == tenant).order_by(table.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(table.c.id < before)
    if where.job_id is not None:
        query = query.where(table.c.job_id == where.job_id)
    if where.statuses:
        query = query.where(table.c.status.in_(where.statuses))
        if TaskStatus.COMPLETED not in where.statuses:
            # Literal: said so, an index over the few that did not succeed can serve it.
            query = query.where(table.c.status != sa.literal_column("'COMPLETED'"))
    return query


def _task(row: Row) -> TaskView:
    return TaskView(
        id=row.id,
        job_id=row.job_id,
        job_name=row.job_name,
        job_version=row.job_version,
        run_id=row.run_id,
        origin=row.origin,
        status=row.status,
        status_reason=row.status_reason,
        gate=row.gate,
        stopping=row.stopping_until is not None,
        attempt=row.attempt,
        max_attempts=row.max_attempts,
        lost=row.lost,
        priority=row.priority,
        nominal_at=row.nominal_at,
        scheduled_time=row.scheduled_time,
        ready_at=row.ready_at,
        executor_id=row.executor_id,
        token=row.token,
        claimed_at=row.claimed_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
        deadline_at=row.deadline_at,
        parameters=raw(row.parameters),
        result=None if row.result is None else raw(row.result),
        error=None if row.error is None else _error(row.error),
        progress=row.progress,
        created_at=row.created_at,
    )


def _attempt(row: Row) -> AttemptView:
    return AttemptView(
        attempt=row.attempt,
        status=row.status,
        executor_id=row.executor_id,
        token=row.token,
        claimed_at=row.claimed_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
        error=None if row.error is None else _error(row.error),
    )
