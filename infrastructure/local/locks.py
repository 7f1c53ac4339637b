"""Locks of operations within one process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from application.shared.clock import Clock
from application.shared.ids import Ids
from domain.operations.lock import Lock, LockTerm
from domain.operations.ports.locks import Locks
from domain.shared.ids import TenantId


class LocalLocks(Locks):
    """Good for a platform that is one process; a second process would not see them."""

    def __init__(self, ids: Ids, clock: Clock, node: str) -> None:
        self._ids = ids
        self._clock = clock
        self._node = node
        self._locks: dict[tuple[TenantId, str], Lock] = {}
        self._last_token = 0

    async def lock(self, term: LockTerm) -> Lock | None:
        now, key = self._clock.now(), (term.tenant, term.name)
        present = self._locks.get(key)
        if present is not None and present.until > now:
            return None
        self._last_token += 1
        self._locks[key] = Lock.of(term, self._ids.new(), self._node, self._last_token, now)
        return self._locks[key]

    async def extend(self, lock: Lock, at_most: timedelta, at_least: timedelta = timedelta(0)) -> Lock | None:
        now = self._clock.now()
        prolonged = lock.extended(at_most, at_least, now)
        if not self._is_held(lock):
            return None
        self._locks[lock.tenant, lock.name] = prolonged
        return prolonged

    async def unlock(self, lock: Lock) -> bool:
        if not self._is_held(lock):
            return False
        key = (lock.tenant, lock.name)
        self._locks[key] = replace(self._locks[key], until=lock.free_at(self._clock.now()))
        return True

    async def held(self, tenant: TenantId) -> Sequence[Lock]:
        now = self._clock.now()
        mine = [lock for (of, _), lock in self._locks.items() if of == tenant and lock.until > now]
        return sorted(mine, key=lambda lock: lock.name)

    def _is_held(self, lock: Lock) -> bool:
        present = self._locks.get((lock.tenant, lock.name))
        return present is not None and present.holder == lock.holder and present.until > self._clock.now()
