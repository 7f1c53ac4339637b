"""Locks and semaphores that users share, and the fences of their resources."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from application.operations.ports import BeginOperations, OperationsWork
from application.shared.draining import Draining
from application.shared.principal import Principal
from application.shared.wake_up import DRAIN, WakeUp
from domain.operations.errors import LockHeld, StaleToken
from domain.operations.semaphore import Hold, Semaphore, Wish, name_problems
from domain.shared.errors import FieldProblem, Invalid, raise_all
from domain.shared.ids import TenantId

RECHECK_SECONDS: Final = 1.0
"""A hold that expires signals nothing, and a hint of another node may be lost: who waits looks by itself."""

FORGOTTEN: Final = 1000
"""Locks that expired unnoticed, removed at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acquired:
    """The hold, and the lock it is of."""

    hold: Hold
    name: str
    permits: int


class SharedLocks:
    """The database decides who holds a lock, whatever becomes of Redis; tokens tell a resource who is the latest."""

    def __init__(self, begin: BeginOperations, wake_up: WakeUp, draining: Draining) -> None:
        self._begin = begin
        self._wake_up = wake_up
        self._draining = draining

    async def acquire(self, principal: Principal, name: str, wish: Wish, wait: timedelta) -> Acquired:
        """Take a permit, waiting for one as long as `wait`. The same request, repeated, gets the same hold.

        Raises `LockHeld`, `LockPermitsDiffer`, `Invalid`.
        """
        raise_all(name_problems(name))
        deadline = asyncio.get_running_loop().time() + wait.total_seconds()
        while True:
            with self._wake_up.listen([_topic(principal.tenant, name), DRAIN]) as listener:
                try:
                    return await self._try(principal, name, wish)
                except LockHeld:
                    left = deadline - asyncio.get_running_loop().time()
                    if left <= 0 or self._draining.is_on:
                        raise
                await listener.wait(min(left, RECHECK_SECONDS))

    async def extend(self, principal: Principal, name: str, token: int, ttl: timedelta) -> Acquired:
        """Hold it for so long from now on. Raises `LockLost`, `Invalid`."""
        raise_all(name_problems(name))
        async with self._begin() as work:
            semaphore = await work.semaphores.take(principal.tenant, name, 1)
            hold = semaphore.extend(token, ttl, work.now)
            await work.semaphores.save(semaphore)
            await work.commit()
        return Acquired(hold=hold, name=name, permits=semaphore.permits)

    async def release(self, principal: Principal, name: str, token: int) -> bool:
        """Whether it was held with that token; the one that has waited longest on this node is woken."""
        raise_all(name_problems(name))
        async with self._begin() as work:
            semaphore = await work.semaphores.take(principal.tenant, name, 1)
            released = semaphore.release(token, work.now)
            await work.semaphores.save(semaphore)
            await work.commit()
        if released:
            self._wake_up.signal(_topic(principal.tenant, name), 1)
        return released

    async def check(self, principal: Principal, resource: str, token: int) -> None:
        """The resource has seen this token. Raises `StaleToken` if it has seen a higher one.

        Raises `Invalid` for a token that was never handed out: it would shut everybody else out.
        """
        raise_all(name_problems(resource, "/resource"))
        async with self._begin() as work:
            known = await work.fences.newest_token()
            if not 0 < token <= known:
                detail = f"No task or lock has had the token {token}; the newest is {known}."
                raise Invalid(FieldProblem("/token", "UNKNOWN_TOKEN", detail))
            newest = await work.fences.pass_(principal.tenant, resource, token)
            await work.commit()
        if newest > token:
            raise StaleToken(resource, token, newest)

    async def forget_expired(self) -> int:
        """Remove some of those that nobody holds any more and nobody released; how many."""
        async with self._begin() as work:
            gone = await work.semaphores.forget_expired(FORGOTTEN)
            await work.commit()
        return gone

    async def _try(self, principal: Principal, name: str, wish: Wish) -> Acquired:
        async with self._begin() as work:
            semaphore = await work.semaphores.take(principal.tenant, name, wish.permits)
            hold = semaphore.repeated(wish, work.now) or await self._take(work, semaphore, wish)
            await work.commit()
        return Acquired(hold=hold, name=name, permits=semaphore.permits)

    async def _take(self, work: OperationsWork, semaphore: Semaphore, wish: Wish) -> Hold:
        semaphore.require_free(wish, work.now)
        hold = semaphore.acquire(wish, await work.semaphores.next_token(), work.now)
        await work.semaphores.save(semaphore)
        return hold


def _topic(tenant: TenantId, name: str) -> str:
    return f"lock:{tenant}:{name}"
