"""What is known of jobs that will fire: their schedules, how long they run, and the slots there are."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from statistics import median
from uuid import UUID

import sqlalchemy as sa

from application.scheduling.job_document import cached_document
from application.scheduling.trigger_document import trigger_of
from application.scheduling.upcoming import ActiveJob, UpcomingFilter, UpcomingReader
from domain.scheduling.executor import ExecutorStatus
from domain.scheduling.ids import JobId
from domain.scheduling.job import JobStatus
from domain.shared.errors import Invalid
from domain.shared.ids import TenantId
from domain.timing.trigger import Trigger
from infrastructure.sql.scheduling.job_repository import coming_of
from infrastructure.sql.scheduling.reading import Row
from infrastructure.sql.scheduling.run_times import RunTimeReading
from infrastructure.sql.scheduling.schedule_rows import COLUMNS, schedule_of
from infrastructure.sql.scheduling.tables import executors, jobs, lanes, schedules
from infrastructure.sql.scheduling.task_changes import word

log = logging.getLogger(__name__)

_j, _s, _l, _e = jobs.c, schedules.c, lanes.c, executors.c


class SqlUpcomingReader(RunTimeReading, UpcomingReader):
    """Three statements, whatever the number of jobs."""

    async def active_jobs(
        self, tenant: TenantId, where: UpcomingFilter, until: datetime, limit: int
    ) -> Sequence[ActiveJob]:
        fires = sa.or_(_s.due_at < until, _s.awaited_task.is_not(None))
        query = (
            sa.select(*COLUMNS, _j.name, _j.type, _j.spec, _j.coming_at, _j.coming_spec, _j.coming_by, _l.pool)
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
        return [job for row in await self._all(query) for job in _active_jobs(row)]

    async def run_times(self, job_ids: Sequence[UUID]) -> Mapping[JobId, timedelta]:
        latest = await self._latest_runs(job_ids)
        return {
            job_id: timedelta(seconds=median(run.total_seconds() for run in runs)) for job_id, runs in latest.items()
        }

    async def slots(self, tenant: TenantId) -> Mapping[str, int]:
        online = sa.and_(_e.tenant == tenant, _e.status == word(ExecutorStatus.ONLINE))
        query = sa.select(_e.pool, sa.func.sum(_e.slots).label("slots")).where(online).group_by(_e.pool)
        return {row.pool: row.slots for row in await self._all(query)}


def _active_jobs(row: Row) -> Iterator[ActiveJob]:
    """The job, and once more as it will be if a change of it is announced."""
    schedule, trigger = schedule_of(tuple(row)[: len(COLUMNS)]), _trigger(row.name, row.spec)
    yield ActiveJob(name=row.name, type=row.type, pool=row.pool, schedule=schedule, trigger=trigger)
    try:
        change = coming_of(row)
    except Invalid:
        log.exception("the announced change of job %s cannot be read", row.name)
        return
    if change is not None:
        then, firing = change.definition.trigger, change.definition.firing
        changed = schedule.changed(change.effective_from, anew=then != trigger, awaits_end=then.awaits_end)
        changed = replace(changed, policy=firing)
        yield ActiveJob(name=row.name, type=row.type, pool=row.pool, schedule=changed, trigger=then)


def _trigger(name: str, spec: str) -> Trigger | None:
    try:
        return trigger_of(cached_document(spec).trigger)
    except Exception:
        log.exception("the trigger of job %s cannot be read", name)
        return None
