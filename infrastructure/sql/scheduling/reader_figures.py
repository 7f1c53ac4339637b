"""How many there are of what, counted by indexes where there is one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from application.scheduling.figures import Figures, FiguresReader, PoolFigures
from domain.scheduling.executor import ExecutorStatus
from domain.scheduling.job import JobStatus
from infrastructure.sql.scheduling.claiming import first_waiting
from infrastructure.sql.scheduling.health_book import all_ailments, findings_by_ailment
from infrastructure.sql.scheduling.reader_stalls import StallReading
from infrastructure.sql.scheduling.tables import executors, jobs, lanes
from infrastructure.sql.scheduling.task_changes import number, t, word
from infrastructure.sql.scheduling.task_tables import tasks
from infrastructure.sql.types import Instant

_e = executors.c
_ACTIVE_JOBS = sa.select(sa.func.count()).select_from(jobs).where(jobs.c.status == word(JobStatus.ACTIVE))
_ONLINE = (
    sa.select(_e.pool, sa.func.count().label("executors"), sa.func.sum(_e.slots).label("slots"))
    .where(_e.status == word(ExecutorStatus.ONLINE))
    .group_by(_e.pool)
)
_HELD = (
    sa.select(_e.pool, sa.func.count().label("held"))
    .join_from(tasks, executors, t.executor_id == _e.id)
    .where(t.executor_id.is_not(None))
    .group_by(_e.pool)
)
_FIRST = first_waiting(lanes.c.id).with_only_columns(t.ready_at).limit(number(1)).scalar_subquery()
"""Of the task that is next in a lane: one step in the index of claims, however many wait behind it."""


class SqlFigures(StallReading, FiguresReader):
    """A handful of statements, each of which sees what is committed."""

    async def figures(self) -> Figures:
        ((active_jobs,),) = await self._all(_ACTIVE_JOBS)
        online = {row.pool: row for row in await self._all(_ONLINE)}
        held = {row.pool: row.held for row in await self._all(_HELD)}
        waiting = await self._waiting()
        ailing = await self._all(findings_by_ailment())
        return Figures(
            active_jobs=active_jobs,
            ailing=all_ailments((row.ailment, row.schedules) for row in ailing),
            online_executors=sum(row.executors for row in online.values()),
            stalled_executors=len(await self._stalls(await self._present())),
            pools=[
                PoolFigures(
                    pool=pool,
                    slots=online[pool].slots if pool in online else 0,
                    slots_used=held.get(pool, 0),
                    oldest_wait_seconds=waiting.get(pool, 0.0),
                )
                for pool in sorted({*online, *held, *waiting})
            ],
        )

    async def _waiting(self) -> dict[str, float]:
        """By pool, also for those where nobody waits."""
        first = sa.select(lanes.c.pool, _FIRST.label("ready_at")).subquery()
        oldest = sa.func.min(first.c.ready_at, type_=Instant).label("ready_at")
        query = sa.select(first.c.pool, oldest, self._now().label("now")).group_by(first.c.pool)
        return {row.pool: _age(row.ready_at, row.now) for row in await self._all(query)}

    def _now(self) -> sa.ColumnElement[Any]:
        if self._store.dialect == "sqlite":
            return sa.literal(self._store.clock.now(), Instant)
        return sa.func.statement_timestamp(type_=Instant)


def _age(ready_at: datetime | None, now: datetime) -> float:
    return 0.0 if ready_at is None else max(0.0, (now - ready_at).total_seconds())
