"""Locks that users share, and the fences of their resources, in SQL."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa

from domain.operations.ports.semaphores import Fences, SemaphoreRepository
from domain.operations.semaphore import Hold, Semaphore
from domain.shared.ids import TenantId
from infrastructure.sql.insert import insert
from infrastructure.sql.operations.lock_tables import fences, semaphores
from infrastructure.sql.tokens import newest_token, next_token
from infrastructure.sql.unit_of_work import SqlUnitOfWork

_s, _f = semaphores.c, fences.c


_holds = msgspec.json.Decoder(list[Hold])


class SqlSemaphores(SemaphoreRepository):
    """Part of a unit of work. The row of a lock is locked from `take` on, also while it is being made."""

    def __init__(self, work: SqlUnitOfWork) -> None:
        self._work = work

    async def take(self, tenant: TenantId, name: str, permits: int) -> Semaphore:
        made = insert(self._work.dialect, semaphores).values(tenant=tenant, name=name, permits=permits, holds="[]")
        locked = made.on_conflict_do_update(index_elements=[_s.tenant, _s.name], set_={"permits": _s.permits})
        row = (await self._work.execute(locked.returning(_s.permits, _s.holds))).one()
        return Semaphore(tenant=tenant, name=name, permits=row.permits, holds=holds_of(row.holds))

    async def save(self, semaphore: Semaphore) -> None:
        this = sa.and_(_s.tenant == semaphore.tenant, _s.name == semaphore.name)
        if not semaphore.holds:
            await self._work.execute(sa.delete(semaphores).where(this))
            return
        changes = {
            "permits": semaphore.permits,
            "holds": msgspec.json.encode(semaphore.holds).decode(),
            "expires_at": max(hold.expires_at for hold in semaphore.holds),
        }
        await self._work.execute(sa.update(semaphores).where(this).values(changes))

    async def next_token(self) -> int:
        token: int = (await self._work.execute(sa.select(await next_token(self._work)))).scalar_one()
        return token

    async def forget_expired(self, limit: int) -> int:
        expired = sa.select(_s.tenant, _s.name).where(_s.expires_at <= self._work.now).order_by(_s.expires_at)
        some = expired.limit(limit).with_for_update(skip_locked=True).cte("some")
        gone = sa.delete(semaphores).where(sa.tuple_(_s.tenant, _s.name).in_(sa.select(some.c.tenant, some.c.name)))
        return len((await self._work.execute(gone.returning(_s.name))).all())  # SQLite does not count below WITH


class SqlFences(Fences):
    """Part of a unit of work."""

    def __init__(self, work: SqlUnitOfWork) -> None:
        self._work = work

    async def pass_(self, tenant: TenantId, resource: str, token: int) -> int:
        row = {"tenant": tenant, "resource": resource, "token": token, "passed_at": self._work.now}
        first = insert(self._work.dialect, fences).values(row)
        changes = {"token": token, "passed_at": self._work.now}
        not_lower = _f.token <= token
        passed = first.on_conflict_do_update(index_elements=[_f.tenant, _f.resource], set_=changes, where=not_lower)
        if (await self._work.execute(passed.returning(_f.token))).one_or_none() is not None:
            return token
        seen = sa.select(_f.token).where(_f.tenant == tenant, _f.resource == resource)
        newest: int = (await self._work.execute(seen)).scalar_one()
        return newest

    async def newest_token(self) -> int:
        return await newest_token(self._work)


def holds_of(text: str) -> list[Hold]:
    """The holders that a row has."""
    return _holds.decode(text)
