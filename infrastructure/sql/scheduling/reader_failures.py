"""Failures of tasks, those that are alike together."""

from __future__ import annotations

from collections.abc import Mapping
from operator import attrgetter
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from application.scheduling.queries import FailureFilter
from application.scheduling.views import FailingJobView, FailureGroupView
from domain.shared.ids import TenantId
from infrastructure.sql.scheduling.dead_letter_queue import is_dead, member
from infrastructure.sql.scheduling.reading import Reading, Row
from infrastructure.sql.scheduling.task_rows import decode_error
from infrastructure.sql.scheduling.task_tables import task_history

MOST_PAIRS = 5_000
"""Pairs of failure and job that are looked at, the most frequent first."""

MOST_JOBS = 10
"""Jobs that are named with a failure."""

h = task_history.c


class FailureReading(Reading):
    """The part of the reader that knows failures."""

    async def failures(self, tenant: TenantId, where: FailureFilter, limit: int) -> list[FailureGroupView]:
        alike = member(self._store.dialect, h.error, "fingerprint").label("fingerprint")
        last = sa.func.max(sa.cast(h.id, sa.Text)).label("last")  # ids are ordered by time, as text, too
        times = sa.func.min(h.ended_at).label("first_at"), sa.func.max(h.ended_at).label("last_at")
        conditions = [h.tenant == tenant, *is_dead(), alike.is_not(None)]
        if where.since is not None:
            conditions.append(h.ended_at >= where.since)
        if where.until is not None:
            conditions.append(h.ended_at < where.until)
        if where.job_id is not None:
            conditions.append(h.job_id == where.job_id)
        query = sa.select(alike, h.job_name, sa.func.count().label("tasks"), *times, last).where(*conditions)
        query = query.group_by(sa.text("1"), h.job_name).order_by(sa.text("3 DESC")).limit(MOST_PAIRS)
        groups: dict[str, list[Row]] = {}
        for row in await self._all(query):
            groups.setdefault(row.fingerprint, []).append(row)
        frequent = sorted(groups.values(), key=lambda group: -sum(row.tasks for row in group))[:limit]
        errors = await self._errors([_last_id(group) for group in frequent])
        return [_view(group, errors) for group in frequent if _last_id(group) in errors]

    async def _errors(self, ids: list[UUID]) -> Mapping[UUID, str]:
        return {row.id: row.error for row in await self._all(sa.select(h.id, h.error).where(h.id.in_(ids)))}


def _last_id(group: list[Row]) -> UUID:
    return UUID(max(row.last for row in group))


def _view(group: list[Row], errors: Mapping[UUID, Any]) -> FailureGroupView:
    last_id = _last_id(group)
    error = decode_error(errors[last_id])
    most = sorted(group, key=attrgetter("tasks"), reverse=True)[:MOST_JOBS]
    return FailureGroupView(
        fingerprint=group[0].fingerprint,
        code=error.code,
        message=error.message,
        count=sum(row.tasks for row in group),
        jobs=[FailingJobView(name=row.job_name, count=row.tasks) for row in most],
        job_count=len(group),
        first_at=min(row.first_at for row in group),
        last_at=max(row.last_at for row in group),
        last_task_id=last_id,
    )
