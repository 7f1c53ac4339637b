"""The lease of a sink as a lock of operations."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Final

from application.notifications.lease import Lease
from domain.operations.lock import Lock, LockTerm
from domain.operations.ports.locks import Locks

HELD: Final = timedelta(seconds=45)
"""How long events wait when the node that carried them dies."""

_PROLONGED_AFTER: Final = HELD.total_seconds() / 4


class LockedLease(Lease):
    """Whoever is late is stopped by the token; the lock only saves others the work."""

    def __init__(self, locks: Locks, sink: str) -> None:
        self._locks = locks
        self._term = LockTerm(name=f"sink:{sink}", at_most=HELD)
        self._lock: Lock | None = None
        self._since = 0.0

    @property
    def token(self) -> int | None:
        return None if self._lock is None else self._lock.token

    async def hold(self) -> int | None:
        now = asyncio.get_running_loop().time()
        if self._lock is not None and now - self._since > _PROLONGED_AFTER:
            self._lock, self._since = await self._locks.extend(self._lock, HELD), now
        if self._lock is None:
            self._lock, self._since = await self._locks.lock(self._term), now
        return self.token

    async def give_back(self) -> None:
        lock, self._lock = self._lock, None
        if lock is not None:
            await self._locks.unlock(lock)

    def forget(self) -> None:
        self._lock = None
