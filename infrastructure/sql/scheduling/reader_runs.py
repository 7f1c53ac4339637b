"""Runs, read across the live tasks and history."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from application.scheduling.queries import Slice
from application.scheduling.runs import RunReader, RunRoot, RunStanding, RunTaskView
from application.shared.page import Page
from domain.shared.ids import TenantId
from infrastructure.sql.cursors import Cursors
from infrastructure.sql.scheduling.dependency_tables import cancelled_runs, judgements
from infrastructure.sql.scheduling.reading import Reading, Row, page_of
from infrastructure.sql.scheduling.task_tables import task_history, tasks

_TABLES = (tasks, task_history)
_SHOWN = ("id", "job_id", "job_name", "status", "status_reason", "started_at", "ended_at")
_c, _j = cancelled_runs.c, judgements.c


class SqlRunReader(Reading, RunReader):
    """The root of a run has its number, all others stand in an index of their own."""

    async def run_roots(self, tenant: TenantId, job_id: UUID | None, page: Slice) -> Page[RunRoot]:
        cursors = Cursors("runs", job_id, UUID)
        parts = []
        for table in _TABLES:
            c = table.c
            query = sa.select(c.id, c.job_id, c.job_name, c.created_at).where(c.tenant == tenant, c.id == c.run_id)
            if job_id is not None:
                query = query.where(c.job_id == job_id)
            if page.cursor is not None:
                query = query.where(c.id < cursors.position(page.cursor))
            parts.append(sa.select(query.order_by(c.id.desc()).limit(page.limit + 1).subquery()))
        both = sa.union_all(*parts).subquery()
        rows = await self._all(sa.select(both).order_by(both.c.id.desc()).limit(page.limit + 1))
        return page_of(rows, page.limit, cursors, lambda row: row.id, _root)

    async def run_standings(self, tenant: TenantId, runs: Collection[UUID]) -> Mapping[UUID, RunStanding]:
        if not runs:
            return {}
        parts = [
            sa.select(table.c.run_id, table.c.status).where(table.c.tenant == tenant, is_of)
            for table in _TABLES
            for is_of in (table.c.id.in_(runs), sa.and_(table.c.run_id.in_(runs), table.c.id != table.c.run_id))
        ]
        all_ = sa.union_all(*parts).subquery()
        count = sa.func.count().label("tasks")
        counted = sa.select(all_.c.run_id, all_.c.status, count).group_by(all_.c.run_id, all_.c.status)
        counts: dict[UUID, dict[str, int]] = {run: {} for run in runs}
        for row in await self._all(counted):
            counts[row.run_id][row.status] = row.tasks
        open_ = {row[0] for row in await self._all(sa.select(_j.run_id).where(_j.run_id.in_(runs)))}
        ended = sa.select(_c.run_id, _c.by, _c.reason).where(_c.run_id.in_(runs))
        why = {row.run_id: row.reason or f"by {row.by}" for row in await self._all(ended)}
        return {
            run: RunStanding(counts=found, judged=run not in open_, cancelled=why.get(run))
            for run, found in counts.items()
        }

    async def run_tasks(self, tenant: TenantId, run_id: UUID) -> Sequence[RunTaskView]:
        parts: list[sa.Select[Any]] = []
        for table in _TABLES:
            c = table.c
            query = sa.select(*(c[name] for name in _SHOWN)).where(c.tenant == tenant)
            parts += [query.where(c.id == run_id), query.where(c.run_id == run_id, c.id != c.run_id)]
        return [_task(row) for row in sorted(await self._all(sa.union_all(*parts)), key=lambda row: row.id)]


def _root(row: Row) -> RunRoot:
    return RunRoot(run_id=row.id, job_id=row.job_id, job_name=row.job_name, created_at=row.created_at)


def _task(row: Row) -> RunTaskView:
    return RunTaskView(
        task_id=row.id,
        job_id=row.job_id,
        job_name=row.job_name,
        status=row.status,
        status_reason=row.status_reason,
        started_at=row.started_at,
        ended_at=row.ended_at,
    )
