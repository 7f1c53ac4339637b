"""Tasks, live ones and history as one list, and their attempts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from application.scheduling.queries import Slice, TaskFilter
from application.scheduling.views import AttemptView, ErrorView, OrphanView, TaskView
from application.shared.page import Page
from domain.scheduling.errors import TaskNotFound
from domain.scheduling.task_status import FINAL, TaskStatus
from domain.shared.ids import TenantId
from infrastructure.sql.cursors import Cursors
from infrastructure.sql.engine import DialectName
from infrastructure.sql.scheduling.dead_letter_queue import member
from infrastructure.sql.scheduling.reading import Reading, Row, page_of, raw
from infrastructure.sql.scheduling.task_tables import TASK_COLUMNS, orphan_results, task_attempts, task_history, tasks
from infrastructure.sql.types import Instant

_UNSHOWN = frozenset(
    (
        *("fire_key", "unique_key", "lane", "rank", "absences", "epoch", "claim_id", "timeout_s", "expires_at"),
        *("total_deadline_at", "checkpoint"),
    )
)
_SHOWN = [name for name in TASK_COLUMNS if name not in _UNSHOWN]
_error = msgspec.json.Decoder(ErrorView).decode


class TaskReading(Reading):
    """The part of the reader that knows tasks."""

    async def task(self, tenant: TenantId, task_id: UUID) -> TaskView:
        return _task(await self._task_row(tenant, task_id))

    async def tasks(self, tenant: TenantId, where: TaskFilter, page: Slice) -> Page[TaskView]:
        by = _BY_TIME if where.by_time else _BY_ID
        cursors = Cursors("tasks", where, by.position)
        given = {
            "b_tenant": tenant,
            "b_limit": page.limit + 1,
            "b_job": where.job_id,
            "b_statuses": where.statuses or None,
            "b_since": where.since,
            "b_until": where.until,
            "b_fingerprint": where.fingerprint,
        }
        given = {name: value for name, value in given.items() if value is not None}
        if page.cursor is not None:
            given |= dict(zip(by.before, cursors.position(page.cursor), strict=True))
        # A final task may still be among the live ones, while it stops; in history nothing is live.
        reads_history = not where.statuses or any(status in FINAL for status in where.statuses)
        is_of_few = bool(where.statuses or where.fingerprint) and TaskStatus.COMPLETED not in where.statuses
        query = _first(self._store.dialect, by, frozenset(given), reads_history=reads_history, is_of_few=is_of_few)
        return page_of(await self._all(query, given), page.limit, cursors, by.of, _task)

    async def attempts(self, tenant: TenantId, task_id: UUID) -> list[AttemptView]:
        task = await self._task_row(tenant, task_id)
        a = task_attempts.c
        rows = await self._all(sa.select(task_attempts).where(a.task_id == task_id).order_by(a.attempt))
        ended = [_attempt(row) for row in rows]
        # An attempt that another one follows has a row of its own; the last one stands in the task's.
        last_is_in_task = task.attempt > 0 and all(row.attempt != task.attempt for row in rows)
        return [*ended, _attempt(task)] if last_is_in_task else ended

    async def orphans(self, tenant: TenantId, task_id: UUID) -> list[OrphanView]:
        task = await self._task_row(tenant, task_id)
        o = orphan_results.c
        return [
            OrphanView(
                token=row.token,
                executor_id=row.executor_id,
                reported_at=row.reported_at,
                status=row.status,
                result=None if row.result is None else raw(row.result),
                error=None if row.error is None else _error(row.error),
            )
            for row in await self._all(sa.select(orphan_results).where(o.task_id == task.id).order_by(o.token))
        ]

    async def _task_row(self, tenant: TenantId, task_id: UUID) -> Row:
        row = await self._first(_ONE, {"b_id": task_id, "b_tenant": tenant})
        if row is None:
            raise TaskNotFound(task_id)
        return row


def _of(table: sa.Table) -> sa.Select[Any]:
    columns = (table.c[name] for name in _SHOWN)
    return sa.select(*columns).where(table.c.tenant == sa.bindparam("b_tenant", type_=sa.Text))


_ONE = sa.union_all(
    *(_of(table).where(table.c.id == sa.bindparam("b_id", type_=sa.Uuid)) for table in (tasks, task_history))
)


@dataclass(frozen=True, slots=True)
class _Order:
    """By columns, the highest first; pages end at a `position` of their values."""

    columns: tuple[str, ...]
    position: type[tuple[Any, ...]]

    @property
    def before(self) -> tuple[str, ...]:
        """The names of the parameters that a further page has."""
        return tuple(f"b_before_{name}" for name in self.columns)

    def of(self, row: Row) -> tuple[Any, ...]:
        return tuple(getattr(row, name) for name in self.columns)

    def descending(self, table: sa.FromClause) -> list[sa.UnaryExpression[Any]]:
        return [table.c[name].desc() for name in self.columns]

    def is_before(self, table: sa.Table) -> sa.ColumnElement[bool]:
        columns = [table.c[name] for name in self.columns]
        there = (sa.bindparam(name, type_=column.type) for name, column in zip(self.before, columns, strict=True))
        return sa.tuple_(*columns) < sa.tuple_(*there)


_BY_ID = _Order(("id",), tuple[UUID])
_BY_TIME = _Order(("scheduled_time", "id"), tuple[datetime, UUID])


@cache  # so wide a statement takes milliseconds to build
def _first(
    dialect: DialectName, by: _Order, given: frozenset[str], *, reads_history: bool, is_of_few: bool
) -> sa.Select[Any]:
    """The first in an order, with the filters for which values are `given`.

    Each table gives its first by itself, from an index that ends so. `is_of_few`: those that did not succeed.
    """
    limit = sa.bindparam("b_limit", type_=sa.Integer)
    parts = []
    for table in (tasks, task_history) if reads_history else (tasks,):
        t = table.c
        query = _of(table).order_by(*by.descending(table)).limit(limit)
        if given.issuperset(by.before):
            query = query.where(by.is_before(table))
        if "b_job" in given:
            query = query.where(t.job_id == sa.bindparam("b_job", type_=sa.Uuid))
        if "b_statuses" in given:
            query = query.where(t.status.in_(sa.bindparam("b_statuses", expanding=True)))
        if "b_since" in given:
            query = query.where(t.scheduled_time >= sa.bindparam("b_since", type_=Instant))
        if "b_until" in given:
            query = query.where(t.scheduled_time < sa.bindparam("b_until", type_=Instant))
        if "b_fingerprint" in given:
            query = query.where(member(dialect, t.error, "fingerprint") == sa.bindparam("b_fingerprint", type_=sa.Text))
        if is_of_few:
            # Literal: said so, an index over those few can serve it.
            query = query.where(t.status != sa.literal_column("'COMPLETED'"))
        parts.append(sa.select(query.subquery()))
    together = sa.union_all(*parts).subquery()
    return sa.select(together).order_by(*by.descending(together)).limit(limit)


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
        snoozed=row.snoozed,
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
        progress_message=row.progress_message,
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
