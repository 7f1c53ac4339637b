"""Backfills as the API shows them."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa

from application.scheduling.backfill_views import BackfillFilter, BackfillReader, BackfillView, view_of_backfill
from application.scheduling.queries import Slice
from application.shared.page import Page
from domain.scheduling.backfill_errors import BackfillNotFound
from domain.shared.ids import TenantId
from infrastructure.sql.cursors import Cursors
from infrastructure.sql.scheduling.backfill_repository import backfill_of
from infrastructure.sql.scheduling.backfill_tables import backfills
from infrastructure.sql.scheduling.reading import Reading, Row, page_of

_b = backfills.c


class SqlBackfillReader(Reading, BackfillReader):
    """Reads from the store's read engine."""

    async def backfill(self, tenant: TenantId, backfill_id: UUID) -> BackfillView:
        row = await self._first(sa.select(backfills).where(_b.id == backfill_id, _b.tenant == tenant))
        if row is None:
            raise BackfillNotFound(backfill_id)
        return _view(row)

    async def backfills(self, tenant: TenantId, where: BackfillFilter, page: Slice) -> Page[BackfillView]:
        cursors = Cursors("backfills", where, UUID)
        query = sa.select(backfills).where(_b.tenant == tenant).order_by(_b.id.desc()).limit(page.limit + 1)
        if where.job_id is not None:
            query = query.where(_b.job_id == where.job_id)
        if where.statuses:
            query = query.where(_b.status.in_(where.statuses))
        if page.cursor is not None:
            query = query.where(_b.id < cursors.position(page.cursor))
        return page_of(await self._all(query), page.limit, cursors, lambda row: row.id, _view)


def _view(row: Row) -> BackfillView:
    return view_of_backfill(backfill_of(row))
