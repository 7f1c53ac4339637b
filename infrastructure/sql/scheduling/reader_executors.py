"""Executors as the API shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import sqlalchemy as sa

from application.scheduling.queries import Slice
from application.scheduling.views import ClusterView, ExecutorView, OverlongTaskView, StoppedView
from application.shared.page import Page
from domain.scheduling.errors import ExecutorNotFound
from domain.scheduling.executor import ExecutorStatus
from domain.scheduling.stall import RunningTask, Stall
from domain.shared.ids import TenantId
from infrastructure.sql.cursors import Cursors
from infrastructure.sql.scheduling.reader_stalls import StallReading
from infrastructure.sql.scheduling.reading import Row, page_of
from infrastructure.sql.scheduling.tables import executors, switches
from infrastructure.sql.scheduling.task_tables import tasks

SHOWN: Final = 20
"""Overlong tasks of an executor; those that began first say enough."""

_e = executors.c
_running = (
    sa.select(sa.func.count())
    .select_from(tasks)
    .where(tasks.c.executor_id == _e.id, tasks.c.executor_id.is_not(None))
    .scalar_subquery()
    .label("running_tasks")
)
_strings = msgspec.json.Decoder(list[str]).decode
_labels = msgspec.json.Decoder(dict[str, str]).decode


class ExecutorReading(StallReading):
    """The part of the reader that knows executors."""

    async def executors(self, tenant: TenantId, statuses: Sequence[str], page: Slice) -> Page[ExecutorView]:
        cursors = Cursors("executors", sorted(statuses), str)
        query = sa.select(executors, _running).where(_e.tenant == tenant).order_by(_e.id).limit(page.limit + 1)
        if statuses:
            query = query.where(_e.status.in_(statuses))
        if page.cursor is not None:
            query = query.where(_e.id > cursors.position(page.cursor))
        rows = await self._all(query)
        stalls = await self._stalls_among(rows)
        return page_of(rows, page.limit, cursors, lambda row: row.id, lambda row: _executor(row, stalls.get(row.id)))

    async def cluster(self, tenant: TenantId) -> ClusterView:
        t, s, number = tasks.c, switches.c, sa.func.count().label("number")
        known = sa.select(_e.status, number, sa.func.sum(_e.slots).label("slots")).where(_e.tenant == tenant)
        by_status = await self._all(known.group_by(_e.status).order_by(_e.status))
        live = sa.select(t.status, number, sa.func.count(t.executor_id).label("held")).where(t.tenant == tenant)
        of_tasks = await self._all(live.group_by(t.status).order_by(t.status))
        off = await self._all(sa.select(switches).where(s.tenant.in_(("", tenant))).order_by(s.kind, s.pool))
        return ClusterView(
            stopped=[
                StoppedView(kind=row.kind, pool=row.pool or None, reason=row.reason, since=row.since, by=row.by)
                for row in off
            ],
            executors={row.status: row.number for row in by_status},
            total_slots=sum(row.slots for row in by_status if row.status == ExecutorStatus.ONLINE),
            used_slots=sum(row.held for row in of_tasks),
            tasks={row.status: row.number for row in of_tasks},
        )

    async def executor(self, tenant: TenantId, executor_id: str) -> ExecutorView:
        row = await self._first(sa.select(executors, _running).where(_e.tenant == tenant, _e.id == executor_id))
        if row is None:
            raise ExecutorNotFound(executor_id)
        return _executor(row, (await self._stalls_among([row])).get(row.id))

    async def _stalls_among(self, rows: Sequence[Row]) -> Mapping[str, Stall]:
        busy = [row.id for row in rows if row.running_tasks]
        return await self._stalls(await self._present(), busy) if busy else {}


def _executor(row: Row, stall: Stall | None) -> ExecutorView:
    return ExecutorView(
        id=row.id,
        status=row.status,
        status_reason=row.status_reason,
        epoch=row.epoch,
        host=row.host,
        version=row.worker_version,
        pool=row.pool,
        labels=_labels(row.labels),
        types=_strings(row.types),
        handlers=_strings(row.handlers),
        max_concurrent_tasks=row.slots,
        running_tasks=row.running_tasks,
        registered_at=row.registered_at,
        last_heartbeat_at=row.last_heartbeat_at,
        clock_offset_seconds=None if row.clock_offset_ms is None else row.clock_offset_ms / 1000,
        stalled=stall is not None,
        stalled_since=None if stall is None else stall.since,
        overlong_tasks=[] if stall is None else [_overlong(task) for task in stall.tasks[:SHOWN]],
    )


def _overlong(task: RunningTask) -> OverlongTaskView:
    return OverlongTaskView(
        id=task.task_id,
        job_name=task.job_name,
        started_at=task.started_at,
        usual_seconds=None if task.usual is None else task.usual.total_seconds(),
    )
