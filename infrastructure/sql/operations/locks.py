"""Locks of operations in SQL, by the store's clock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from application.shared.ids import Ids
from domain.operations.lock import Lock, LockTerm
from domain.operations.ports.locks import Locks
from domain.shared.ids import TenantId
from infrastructure.sql.engine import Store
from infrastructure.sql.insert import insert
from infrastructure.sql.operations.lock_tables import locks
from infrastructure.sql.tokens import next_token
from infrastructure.sql.unit_of_work import SqlUnitOfWork

_l = locks.c


class SqlLocks(Locks):
    """A row a name, changed only by whoever may: each verb is one guarded statement in a unit of work of its own."""

    def __init__(self, store: Store, ids: Ids, node: str) -> None:
        self._store = store
        self._ids = ids
        self._node = node

    async def lock(self, term: LockTerm) -> Lock | None:
        async with self._begin() as work:
            token = await next_token(work)
            wanted = Lock.of(term, self._ids.new(), self._node, 0, work.now)
            row = _row(wanted) | {"token": token}
            free = _l.lock_until <= work.now  # read before any wait for the row: in doubt it is held
            taken = insert(work.dialect, locks).values(row)
            taken = taken.on_conflict_do_update(index_elements=[_l.tenant, _l.name], set_=_changes(row), where=free)
            found = (await work.execute(taken.returning(locks))).one_or_none()
            await work.commit()
        return None if found is None else _lock(found)

    async def extend(self, lock: Lock, at_most: timedelta, at_least: timedelta = timedelta(0)) -> Lock | None:
        async with self._begin() as work:
            longer = lock.extended(at_most, at_least, work.now)
            times = {"at_least_until": longer.at_least_until, "lock_until": longer.until}
            change = sa.update(locks).where(*_held_as(lock), _l.lock_until > work.now).values(times)
            found = (await work.execute(change.returning(locks))).one_or_none()
            await work.commit()
        return None if found is None else _lock(found)

    async def unlock(self, lock: Lock) -> bool:
        async with self._begin() as work:
            free = {"lock_until": lock.free_at(work.now)}
            change = sa.update(locks).where(*_held_as(lock), _l.lock_until > work.now).values(free)
            released = (await work.execute(change)).rowcount > 0
            await work.commit()
        return released

    async def held(self, tenant: TenantId) -> Sequence[Lock]:
        async with self._begin() as work:
            held = sa.select(locks).where(_l.tenant == tenant, _l.lock_until > work.now).order_by(_l.name)
            return [_lock(row) for row in await work.execute(held)]

    def _begin(self) -> SqlUnitOfWork:
        return SqlUnitOfWork(self._store, context="operations")


def _held_as(lock: Lock) -> tuple[sa.ColumnElement[bool], ...]:
    return _l.tenant == lock.tenant, _l.name == lock.name, _l.holder == lock.holder


def _row(lock: Lock) -> dict[str, Any]:
    return {
        "tenant": lock.tenant,
        "name": lock.name,
        "holder": lock.holder,
        "node": lock.node,
        "locked_at": lock.locked_at,
        "at_least_until": lock.at_least_until,
        "lock_until": lock.until,
    }


def _changes(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in ("tenant", "name")}


def _lock(row: sa.Row[Any]) -> Lock:
    return Lock(
        name=row.name,
        tenant=TenantId(row.tenant),
        holder=row.holder,
        node=row.node,
        token=row.token,
        locked_at=row.locked_at,
        at_least_until=row.at_least_until,
        until=row.lock_until,
    )
