"""Jobs in SQL."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from application.scheduling.job_mapping import decode_definition, encode_definition
from domain.scheduling.errors import JobNameTaken, JobNotFound, StaleVersion
from domain.scheduling.ids import JobId
from domain.scheduling.job import ComingChange, Job, JobDefinition, JobStatus
from domain.scheduling.key_template import OWN_SLOT
from domain.scheduling.ports.job_repository import JobRepository
from domain.scheduling.ports.lane_directory import LaneDirectory
from domain.scheduling.task import Origin
from domain.shared.errors import Invalid
from domain.shared.ids import TenantId
from infrastructure.sql.errors import violated
from infrastructure.sql.insert import insert
from infrastructure.sql.scheduling.limit_rows import encode_terms
from infrastructure.sql.scheduling.tables import job_versions, jobs
from infrastructure.sql.scheduling.task_tables import tasks
from infrastructure.sql.schema import metadata
from infrastructure.sql.unit_of_work import SqlUnitOfWork

_NOT_DELETED = jobs.c.status != sa.literal_column("'DELETED'")  # literal: it is the predicate of the index on names
_SECOND = timedelta(seconds=1)


class SqlJobRepository(JobRepository):
    """One row a job; the definition as its JSON document, with what firing and claiming need in columns beside it."""

    def __init__(self, work: SqlUnitOfWork, lanes: LaneDirectory) -> None:
        self._work, self._lanes = work, lanes

    async def get(self, tenant: TenantId, key: JobId | str, *, even_unreadable: bool = False) -> Job:
        wanted = jobs.c.id == key if isinstance(key, UUID) else sa.and_(jobs.c.name == key, _NOT_DELETED)
        job = await self._one(tenant, wanted)
        if job is None:
            raise JobNotFound(key)
        if not even_unreadable:
            job.require_readable()
        return job

    async def find(self, tenant: TenantId, name: str) -> Job | None:
        return await self._one(tenant, sa.and_(jobs.c.name == name, _NOT_DELETED))

    async def of_any_tenant(self, id_: JobId) -> Job:
        row = (await self._work.execute(sa.select(jobs).where(jobs.c.id == id_).with_for_update())).one_or_none()
        if row is None:
            raise JobNotFound(id_)
        return _job(row)

    async def save(self, job: Job) -> None:
        if job.unreadable is None:
            row = {**_row(job), "lane": await self._lanes.number(job.lane)}
        else:
            row = _state(job)
        try:
            if job.version == 0:
                await self._work.execute(sa.insert(jobs).values(row))
            else:
                unchanged = sa.and_(jobs.c.id == job.id, jobs.c.version == job.version)
                result = await self._work.execute(sa.update(jobs).where(unchanged).values(row))
                if result.rowcount == 0:
                    raise StaleVersion(f"Job {job.definition.name!r}")
        except sa.exc.IntegrityError as error:
            if violated(error, metadata) == "uq_jobs_tenant_name":
                raise JobNameTaken(job.definition.name) from None
            raise
        if job.unreadable is None:
            if job.definition.firing.overlap.takes_turns and job.version > 0:
                await self._share_slot(job)
            version = insert(self._work.dialect, job_versions).values(_version_row(job, row["spec"]))
            await self._work.execute(version.on_conflict_do_nothing())
        self._work.release(job)

    async def _share_slot(self, job: Job) -> None:
        """Fires from before the job had this policy are in the way of those that come, too."""
        t, slot = tasks.c, f"{job.tenant}/{OWN_SLOT}{job.id}"
        fires = (t.job_id == job.id, t.origin != Origin.DIRECT, t.slot_key.is_distinct_from(slot))
        await self._work.execute(sa.update(tasks).where(*fires).values(slot_key=slot, slot_most=1))

    async def _one(self, tenant: TenantId, wanted: sa.ColumnElement[bool]) -> Job | None:
        query = sa.select(jobs).where(jobs.c.tenant == tenant, wanted).with_for_update()
        row = (await self._work.execute(query)).one_or_none()
        return None if row is None else _job(row)


def _row(job: Job) -> dict[str, Any]:
    definition = job.definition
    return _state(job) | {
        "id": job.id,
        "tenant": job.tenant,
        "name": definition.name,
        "type": definition.type,
        "handler": definition.handler,
        "priority": definition.priority,
        "max_attempts": definition.retry.max_attempts,
        "timeout_s": _seconds(definition.timeouts.execution),
        "queue_timeout_s": _seconds(definition.timeouts.queue),
        "total_timeout_s": _seconds(definition.timeouts.total),
        "parameters": msgspec.json.encode(definition.parameters).decode(),
        "tags": msgspec.json.encode(definition.tags).decode(),
        "spec": encode_definition(definition),
        "definition_version": job.definition_version,
        "created_at": job.created_at,
        "created_by": job.created_by,
        **_limits(job),
        **_coming(job.coming),
    }


def _limits(job: Job) -> dict[str, Any]:
    """As they are for a task with the job's own parameters. Fires that take turns share a slot of their job's own."""
    definition = job.definition
    if definition.firing.overlap.takes_turns:
        return _limit_columns(definition) | {"slot_key": f"{OWN_SLOT}{job.id}", "slot_most": 1}
    return _limit_columns(definition)


def _coming(change: ComingChange | None) -> dict[str, Any]:
    if change is None:
        return {"coming_at": None, "coming_spec": None, "coming_by": None}
    spec = encode_definition(change.definition)
    return {"coming_at": change.effective_from, "coming_spec": spec, "coming_by": change.by}


def _limit_columns(definition: JobDefinition) -> dict[str, Any]:
    limits, keys = definition.limits, definition.limits.keys(definition.parameters)
    return {
        "slot_key": keys.slot,
        "slot_most": None if limits.concurrency is None else limits.concurrency.limit,
        "rate_key": keys.rate,
        "rate_terms": None if limits.rate is None else encode_terms(limits.rate),
        "turn_key": keys.turn,
        "turn_window": None if limits.fairness is None else limits.fairness.window,
    }


def _state(job: Job) -> dict[str, Any]:
    """What changes without its definition."""
    return {
        "status": job.status,
        "status_reason": job.status_reason,
        "version": job.version + 1,
        "updated_at": job.updated_at,
        "updated_by": job.updated_by,
    }


def _version_row(job: Job, spec: str) -> dict[str, Any]:
    return {
        "job_id": job.id,
        "version": job.definition_version,
        "spec": spec,
        "created_at": job.updated_at,
        "created_by": job.updated_by,
    }


def _job(row: sa.Row[Any]) -> Job:
    definition, unreadable = _definition(row)
    return Job(
        id=JobId(row.id),
        tenant=TenantId(row.tenant),
        definition=definition,
        definition_version=row.definition_version,
        status=JobStatus(row.status),
        status_reason=row.status_reason,
        created_at=row.created_at,
        created_by=row.created_by,
        updated_at=row.updated_at,
        updated_by=row.updated_by,
        version=row.version,
        unreadable=unreadable,
        coming=coming_of(row),
    )


def coming_of(row: sa.Row[Any]) -> ComingChange | None:
    """What a row of `jobs` says was announced. Raises `Invalid` if this node cannot make sense of it."""
    if row.coming_at is None:
        return None
    definition = decode_definition(row.coming_spec)
    return ComingChange(effective_from=row.coming_at, definition=definition, by=row.coming_by)


def _definition(row: sa.Row[Any]) -> tuple[JobDefinition, str | None]:
    """As it is stored; if this node cannot make sense of that, what columns say of it, and why."""
    try:
        return decode_definition(row.spec), None
    except Invalid as why:
        return JobDefinition(name=row.name, type=row.type, handler=row.handler), str(why)


def _seconds(duration: timedelta | None) -> int | None:
    """Whole seconds, rounded up: a bound is never shorter than asked for."""
    return None if duration is None else -(-duration // _SECOND)
