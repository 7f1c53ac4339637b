"""Locks as the API shows them, in SQL."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from application.operations.ports import LocksReader
from application.operations.views import HoldView, LockView
from application.shared.page import Page
from domain.operations.errors import LockNotFound
from domain.operations.semaphore import Semaphore
from domain.shared.ids import TenantId
from infrastructure.sql.cursors import Cursors
from infrastructure.sql.engine import Store
from infrastructure.sql.errors import store_errors
from infrastructure.sql.operations.lock_tables import semaphores
from infrastructure.sql.operations.semaphores import holds_of
from infrastructure.sql.types import Instant

_s = semaphores.c
_NOW = sa.func.now(type_=Instant)


class SqlLocksReader(LocksReader):
    """Every call sees one committed state, at the store's time."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def locks(self, tenant: TenantId, limit: int, cursor: str | None) -> Page[LockView]:
        cursors = Cursors("locks", None, str)
        query = sa.select(semaphores).where(_s.tenant == tenant).order_by(_s.name).limit(limit + 1)
        if cursor is not None:
            query = query.where(_s.name > cursors.position(cursor))
        now, rows = await self._read(query)
        shown = rows[:limit]
        views = (_view(row, now) for row in shown)
        return Page(
            items=[view for view in views if view.holders],
            next_cursor=cursors.at(shown[-1].name) if len(rows) > limit else None,
        )

    async def lock(self, tenant: TenantId, name: str) -> LockView:
        now, rows = await self._read(sa.select(semaphores).where(_s.tenant == tenant, _s.name == name))
        for row in rows:
            if (view := _view(row, now)).holders:
                return view
        raise LockNotFound(name)

    async def _read(self, query: sa.Select[Any]) -> tuple[datetime, list[sa.Row[Any]]]:
        with store_errors():
            async with self._store.reader.connect() as connection:
                if self._store.dialect == "sqlite":
                    now = self._store.clock.now()
                else:
                    now = (await connection.execute(sa.select(_NOW))).scalar_one()
                return now, list((await connection.execute(query)).all())


def _view(row: sa.Row[Any], now: datetime) -> LockView:
    held = Semaphore(tenant=row.tenant, name=row.name, permits=row.permits, holds=holds_of(row.holds)).held(now)
    return LockView(
        name=row.name,
        permits=row.permits,
        free=max(0, row.permits - len(held)),
        holders=[
            HoldView(token=hold.token, owner=hold.owner, acquired_at=hold.acquired_at, expires_at=hold.expires_at)
            for hold in held
        ],
    )
