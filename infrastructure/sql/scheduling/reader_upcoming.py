"""What is known of jobs that will fire: their schedules, how long they run, and the slots there are."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from statistics import median
from typing import Any, Final
from uuid import UUID

import msgspec
import sqlalchemy as sa

from application.scheduling.job_document import cached_document
from application.scheduling.trigger_document import trigger_of
from application.scheduling.upcoming import ActiveJob, UpcomingFilter, UpcomingReader
from domain.scheduling.executor import ExecutorStatus
from domain.scheduling.ids import JobId
from domain.scheduling.job import JobStatus
from domain.scheduling.task_status import TaskStatus
from domain.shared.ids import TenantId
from domain.timing.trigger import Trigger
from infrastructure.sql.engine import DialectName
from infrastructure.sql.scheduling.reading import Reading, Row
from infrastructure.sql.scheduling.schedule_rows import COLUMNS, schedule_of
from infrastructure.sql.scheduling.schedule_statements import JOBS
from infrastructure.sql.scheduling.tables import executors, jobs, lanes, schedules
from infrastructure.sql.scheduling.task_changes import number, word
from infrastructure.sql.scheduling.task_tables import task_history

log = logging.getLogger(__name__)

LATEST_RUNS: Final = 20
"""Of which the median is taken."""

_j, _s, _l, _e, _h = jobs.c, schedules.c, lanes.c, executors.c, task_history.c


class SqlUpcomingReader(Reading, UpcomingReader):
    """Three statements, whatever the number of jobs."""

    async def active_jobs(
        self, tenant: TenantId, where: UpcomingFilter, until: datetime, limit: int
    ) -> Sequence[ActiveJob]:
        fires = sa.or_(_s.due_at < until, _s.awaited_task.is_not(None))
        query = (
            sa.select(*COLUMNS, _j.name, _j.type, _j.spec, _l.pool)
            .select_from(schedules.join(jobs, _j.id == _s.job_id).join(lanes, _l.id == _j.lane))
            .where(_j.tenant == tenant, _j.status == word(JobStatus.ACTIVE), fires)
            .order_by(_s.due_at, _s.job_id)
            .limit(limit)
        )
        if where.names:
            query = query.where(_j.name.in_(where.names))
        if where.types:
            query = query.where(_j.type.in_(where.types))
        if where.pools:
            query = query.where(_l.pool.in_(where.pools))
        if where.tags:
            query = query.where(self._has_any(_j.tags, where.tags))
        return [_active_job(row) for row in await self._all(query)]

    async def run_times(self, job_ids: Sequence[UUID]) -> Mapping[JobId, timedelta]:
        if not job_ids:
            return {}
        dialect = self._store.dialect
        found = await self._all(_RUN_TIMES[dialect], JOBS.bind(dialect, [(id_,) for id_ in job_ids]))
        took = {JobId(job_id): _MICROSECONDS.decode(text) for job_id, text in map(tuple, found) if text is not None}
        return {job_id: timedelta(microseconds=median(each)) for job_id, each in took.items() if each}

    async def slots(self, tenant: TenantId) -> Mapping[str, int]:
        online = sa.and_(_e.tenant == tenant, _e.status == word(ExecutorStatus.ONLINE))
        query = sa.select(_e.pool, sa.func.sum(_e.slots).label("slots")).where(online).group_by(_e.pool)
        return {row.pool: row.slots for row in await self._all(query)}


def _run_times(dialect: DialectName) -> sa.Select[Any]:
    """For each of `JOBS` a JSON array of microseconds: of its latest runs, those that completed."""
    of = JOBS.source(dialect)
    latest = (
        sa.select(_h.started_at, _h.ended_at, _h.status)
        .where(_h.job_id == of.c.job_id)
        .order_by(_h.id.desc())
        .limit(number(LATEST_RUNS))
        .correlate(of)
        .subquery("latest")
    )
    if dialect == "postgresql":
        took: sa.ColumnElement[Any] = sa.func.extract("epoch", latest.c.ended_at - latest.c.started_at) * 1_000_000
        text: sa.ColumnElement[Any] = sa.cast(sa.func.json_agg(sa.cast(took, sa.BigInteger)), sa.Text)
    else:
        took = sa.type_coerce(latest.c.ended_at, sa.BigInteger) - sa.type_coerce(latest.c.started_at, sa.BigInteger)
        text = sa.func.json_group_array(took, type_=sa.Text)
    completed = sa.and_(latest.c.status == word(TaskStatus.COMPLETED), latest.c.started_at.is_not(None))
    each = sa.select(text).select_from(latest).where(completed).scalar_subquery()
    return sa.select(of.c.job_id, each)


_RUN_TIMES: Final = {dialect: _run_times(dialect) for dialect in ("postgresql", "sqlite")}
_MICROSECONDS: Final = msgspec.json.Decoder(list[int])


def _active_job(row: Row) -> ActiveJob:
    return ActiveJob(
        name=row.name,
        type=row.type,
        pool=row.pool,
        schedule=schedule_of(tuple(row)[: len(COLUMNS)]),
        trigger=_trigger(row.name, row.spec),
    )


def _trigger(name: str, spec: str) -> Trigger | None:
    try:
        return trigger_of(cached_document(spec).trigger)
    except Exception:
        log.exception("the trigger of job %s cannot be read", name)
        return None
