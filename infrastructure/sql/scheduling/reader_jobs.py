"""Jobs as the API shows them: the definition, its defaults filled in, and where its schedule stands."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec
import sqlalchemy as sa

from application.scheduling.documents import complete
from application.scheduling.job_document import JobDocument, cached_document
from application.scheduling.queries import JobFilter, Slice
from application.scheduling.trigger_document import trigger_of
from application.scheduling.views import ComingChangeView, JobVersionView, JobView
from application.shared.page import Page
from domain.scheduling.errors import JobNotFound
from domain.scheduling.job import JobStatus
from domain.shared.errors import Invalid
from domain.shared.ids import TenantId
from domain.timing.spread import planned_at
from domain.timing.trigger import NO_TIME, Trigger
from infrastructure.sql.cursors import Cursors
from infrastructure.sql.scheduling.reading import Reading, Row, beyond, page_of, raw
from infrastructure.sql.scheduling.schedule_rows import NESTED, instants_of
from infrastructure.sql.scheduling.tables import job_versions, jobs, schedules

_j, _s, _v = jobs.c, schedules.c, job_versions.c
_NOT_DELETED = _j.status != sa.literal_column("'DELETED'")  # literal: it is the predicate of the index on names

_JOBS = sa.select(
    _j.id,
    _j.name,
    _j.type,
    _j.status,
    _j.status_reason,
    _j.parameters,
    _j.spec,
    _j.priority,
    _j.version,
    _j.created_at,
    _j.created_by,
    _j.updated_at,
    _j.updated_by,
    _s.due_at,
    _s.last_fired_at,
    _s.exhausted,
    _s.upcoming,
    _s.fired_count,
    _s.health_error,
    _j.coming_at,
    _j.coming_spec,
    _j.coming_by,
).select_from(jobs.outerjoin(schedules, _s.job_id == _j.id))


class JobReading(Reading):
    """The part of the reader that knows jobs."""

    async def job(self, tenant: TenantId, key: UUID | str) -> JobView:
        named = _j.id == key if isinstance(key, UUID) else sa.and_(_j.name == key, _NOT_DELETED)
        row = await self._first(_JOBS.where(_j.tenant == tenant, named))
        if row is None:
            raise JobNotFound(key)
        return _job(row)

    async def jobs(self, tenant: TenantId, where: JobFilter, page: Slice) -> Page[JobView]:
        cursors = Cursors("jobs", where, tuple[str, UUID])
        query = _JOBS.where(_j.tenant == tenant).order_by(_j.name, _j.id).limit(page.limit + 1)
        if JobStatus.DELETED not in where.statuses:
            query = query.where(_NOT_DELETED)
        if where.statuses:
            query = query.where(_j.status.in_(where.statuses))
        if where.names:
            query = query.where(_j.name.in_(where.names))
        if where.tags:
            query = query.where(self._has_any(_j.tags, where.tags))
        if page.cursor is not None:
            query = query.where(beyond((_j.name, _j.id), cursors.position(page.cursor)))
        return page_of(await self._all(query), page.limit, cursors, lambda row: (row.name, row.id), _job)

    async def job_versions(self, tenant: TenantId, job_id: UUID, page: Slice) -> Page[JobVersionView]:
        cursors = Cursors("versions", job_id, int)
        of_tenant = sa.select(_j.id).where(_j.id == job_id, _j.tenant == tenant).exists()
        query = sa.select(job_versions).where(_v.job_id == job_id, of_tenant)
        query = query.order_by(_v.version.desc()).limit(page.limit + 1)
        if page.cursor is not None:
            query = query.where(_v.version < cursors.position(page.cursor))
        return page_of(await self._all(query), page.limit, cursors, lambda row: row.version, _version)


def _version(row: Row) -> JobVersionView:
    return JobVersionView(
        version=row.version, definition=_shown(row.spec), created_at=row.created_at, created_by=row.created_by
    )


def _shown(spec: str) -> msgspec.Raw:
    try:
        return complete(cached_document(spec))
    except Invalid:
        return raw(spec)  # as it was written down, though this server does not know what it means


def _job(row: Row) -> JobView:
    document, trigger, unreadable = _definition(row)
    return JobView(
        id=row.id,
        name=row.name,
        type=row.type,
        status=row.status,
        status_reason=row.status_reason,
        description=document.description,
        handler=document.handler,
        parameters=raw(row.parameters),
        trigger=complete(document.trigger),
        priority=row.priority,
        retry=complete(document.retry),
        timeouts=complete(document.timeouts),
        overlap=document.overlap,
        misfire=complete(document.misfire),
        placement=complete(document.placement),
        dependencies=complete(document.dependencies),
        dependency_policy=complete(document.dependency_policy),
        concurrency=complete(document.concurrency),
        rate_limit=complete(document.rate_limit),
        fairness=complete(document.fairness),
        tags=document.tags,
        owner=document.owner,
        version=row.version,
        next_fire_at=_next_fire(row, trigger),
        last_fire_at=row.last_fired_at,
        exhausted=_is_exhausted(row, trigger),
        health_error=row.health_error if unreadable is None else unreadable,
        created_at=row.created_at,
        created_by=row.created_by,
        updated_at=row.updated_at,
        updated_by=row.updated_by,
        coming_change=_coming(row),
    )


def _coming(row: Row) -> ComingChangeView | None:
    if row.coming_at is None:
        return None
    return ComingChangeView(effective_from=row.coming_at, definition=_shown(row.coming_spec), by=row.coming_by)


def _definition(row: Row) -> tuple[JobDocument, Trigger | None, str | None]:
    """What is stored, as far as this server can make sense of it, and why it cannot: that is no fault of a client."""
    document = JobDocument(name=row.name, type=row.type)
    try:
        document = cached_document(row.spec)
        return document, trigger_of(document.trigger), None
    except Invalid as why:
        return document, None, f"The stored definition cannot be used by this server: {why}"


def _next_fire(row: Row, known: Trigger | None) -> datetime | None:
    """What is due next may be no fire but the first of the times that a calendar takes out."""
    if row.coming_at is None and (row.due_at is None or NESTED not in row.upcoming):
        due_at: datetime | None = row.due_at
        return due_at
    first, following = (*instants_of(row.upcoming)[:2], None, None)[:2]
    spread = NO_TIME if known is None else known.spread
    return None if first is None else planned_at(row.id, first, spread, following or row.coming_at)


def _is_exhausted(row: Row, known: Trigger | None) -> bool:
    """Nothing is left of what the trigger had; one that goes by no clock has no times to run out of, but a limit."""
    if known is None:
        return False
    if known.max_executions is not None and row.fired_count >= known.max_executions:
        return True
    return bool(row.exhausted) and row.coming_at is None and row.upcoming == "[]" and known.by_clock
