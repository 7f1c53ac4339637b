"""Sinks as the API shows them, and what operators do with their dead letters, in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from application.notifications.cloud_event import encoded
from application.notifications.ports import SinksReader
from application.notifications.views import DeadLetterView, SinkView
from application.shared.page import Page
from domain.notifications.errors import SinkNotFound
from domain.notifications.message import Position
from domain.shared.ids import TenantId
from infrastructure.sql.cursors import Cursors
from infrastructure.sql.engine import Store
from infrastructure.sql.event_log import message_of
from infrastructure.sql.notifications.sink_tables import sink_letters, sinks
from infrastructure.sql.scheduling.reading import Reading, page_of
from infrastructure.sql.scheduling.tables import outbox
from infrastructure.sql.types import Instant
from infrastructure.sql.unit_of_work import SqlUnitOfWork

_s, _l, _o = sinks.c, sink_letters.c, outbox.c
_WAITING_SINCE = (
    sa.select(_o.at)
    .where(_o.seq >= _s.seq, sa.or_(_o.seq > _s.seq, _o["count"] > _s.nth + 1))
    .order_by(_o.seq)
    .limit(1)
    .correlate(sinks)
    .scalar_subquery()
)
_DEAD = sa.select(sa.func.count()).where(_l.sink == _s.name).correlate(sinks).scalar_subquery()


class SqlSinksReader(Reading, SinksReader):
    """Every call sees one committed state."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)

    async def sinks(self, tenant: TenantId) -> Sequence[SinkView]:
        return await self._views(sa.or_(_s.tenant.is_(None), _s.tenant == tenant))

    async def all_sinks(self) -> Sequence[SinkView]:
        """Of every tenant, for metrics."""
        return await self._views(sa.true())

    async def dead_letters(self, tenant: TenantId, sink: str, limit: int, cursor: str | None) -> Page[DeadLetterView]:
        await self._require(tenant, sink)
        cursors = Cursors("dead-letters", sink, UUID)
        query = sa.select(sink_letters).where(_l.sink == sink).order_by(_l.id).limit(limit + 1)
        if cursor is not None:
            query = query.where(_l.id > cursors.position(cursor))
        return page_of(await self._all(query), limit, cursors, lambda row: row.id, _letter)

    async def redrive(self, tenant: TenantId, sink: str, ids: Sequence[UUID] | None) -> int:
        await self._require(tenant, sink)
        return await self._change(sa.update(sink_letters).where(*_these(sink, ids)).values(due=True))

    async def purge(self, tenant: TenantId, sink: str, ids: Sequence[UUID] | None) -> int:
        await self._require(tenant, sink)
        return await self._change(sa.delete(sink_letters).where(*_these(sink, ids)))

    async def _views(self, which: sa.ColumnElement[bool]) -> Sequence[SinkView]:
        since, dead = _WAITING_SINCE.label("since"), _DEAD.label("dead")
        query = sa.select(sinks, since, dead, self._now().label("now")).where(which).order_by(_s.name)
        return [_view(row) for row in await self._all(query)]

    async def _require(self, tenant: TenantId, sink: str) -> None:
        mine = sa.or_(_s.tenant.is_(None), _s.tenant == tenant)
        if await self._first(sa.select(_s.name).where(_s.name == sink, mine)) is None:
            raise SinkNotFound(sink)

    async def _change(self, statement: sa.Executable) -> int:
        async with SqlUnitOfWork(self._store, "notifications") as work:
            changed = (await work.execute(statement)).rowcount
            await work.commit()
        return changed

    def _now(self) -> sa.ColumnElement[datetime]:
        if self._store.dialect == "sqlite":
            return sa.literal(self._store.clock.now(), Instant)
        return sa.func.statement_timestamp(type_=Instant)


def _these(sink: str, ids: Sequence[UUID] | None) -> Sequence[sa.ColumnElement[bool]]:
    return (_l.sink == sink,) if ids is None else (_l.sink == sink, _l.id.in_(ids))


def _view(row: sa.Row[Any]) -> SinkView:
    return SinkView(
        name=row.name,
        position=str(Position(row.seq, row.nth)),
        lag_seconds=0.0 if row.since is None else max(0.0, (row.now - row.since).total_seconds()),
        dead_letters=row.dead,
        lost=row.lost,
        attempts=row.attempts,
        error=row.error,
        error_since=row.error_since,
    )


def _letter(row: sa.Row[Any]) -> DeadLetterView:
    position = Position(row.seq, row.nth)
    message = message_of(position, TenantId(row.tenant), row.context, msgspec.json.decode(row.event))
    return DeadLetterView(
        id=row.id,
        event=msgspec.Raw(encoded(message)),
        attempts=row.attempts,
        error=row.error,
        died_at=row.died_at,
        due=row.due,
    )
