"""The ledger of a job as the API shows it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from application.scheduling.queries import OccurrenceFilter, Slice
from application.scheduling.views import OccurrenceView
from application.shared.page import Page
from domain.shared.ids import TenantId
from infrastructure.sql.cursors import Cursors
from infrastructure.sql.scheduling.reading import Reading, Row, beyond, page_of
from infrastructure.sql.scheduling.tables import jobs, occurrences

_o = occurrences.c


class LedgerReading(Reading):
    """The part of the reader that knows what became of planned fires."""

    async def occurrences(
        self, tenant: TenantId, job_id: UUID, where: OccurrenceFilter, page: Slice
    ) -> Page[OccurrenceView]:
        cursors = Cursors("occurrences", (job_id, where), tuple[datetime, UUID])
        of_tenant = sa.select(jobs.c.id).where(jobs.c.id == job_id, jobs.c.tenant == tenant).exists()
        query = (
            sa.select(occurrences)
            .where(_o.job_id == job_id, of_tenant)
            .order_by(_o.nominal_at.desc(), _o.id.desc())
            .limit(page.limit + 1)
        )
        if where.decisions:
            query = query.where(_o.decision.in_(where.decisions))
        if where.since is not None:
            query = query.where(_o.nominal_at >= where.since)
        if where.until is not None:  # an entry may stand for many fires, from the first to the nominal one
            query = query.where(_o.first_nominal_at < where.until)
        if page.cursor is not None:
            query = query.where(beyond((_o.nominal_at, _o.id), cursors.position(page.cursor), down=True))
        return page_of(await self._all(query), page.limit, cursors, lambda row: (row.nominal_at, row.id), _occurrence)


def _occurrence(row: Row) -> OccurrenceView:
    return OccurrenceView(
        nominal_at=row.nominal_at,
        planned_at=row.planned_at,
        decision=row.decision,
        reason=row.reason,
        count=row._mapping["count"],  # `row.count` is a method of tuples
        first_nominal_at=row.first_nominal_at,
        last_nominal_at=row.nominal_at,
        task_id=row.task_id,
        fire_key=row.fire_key,
        job_version=row.job_version,
        tzdata_version=row.tzdata_version,
        decided_at=row.decided_at,
        lag_seconds=(row.decided_at - row.planned_at).total_seconds(),
    )
