"""Work under a lock: taken or skipped, seen from inside, prolonged, given back."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from abc import abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from datetime import timedelta
from typing import Final, Protocol

from application.shared.errors import StoreUnavailable
from domain.operations.errors import LockCannotBeExtended, NoActiveLock
from domain.operations.lock import Lock, LockTerm
from domain.operations.ports.locks import Locks
from domain.shared.errors import FieldProblem, Invalid

log = logging.getLogger(__name__)

SHORTEST_KEPT_ALIVE: Final = timedelta(seconds=30)
"""A lock that is to be kept alive: extending a shorter one would come too late on a busy machine."""

Sleep = Callable[[float], Awaitable[None]]


class LockListener(Protocol):
    """What wants to know how locks fare: counters, the record of operations."""

    @abstractmethod
    def acquired(self, term: LockTerm) -> None:
        """It was free."""

    @abstractmethod
    def skipped(self, term: LockTerm) -> None:
        """Somebody else has it: the work is left out this time."""

    @abstractmethod
    def released(self, term: LockTerm, seconds: float) -> None:
        """The work under it ended after so long."""


class _Deaf(LockListener):
    def acquired(self, term: LockTerm) -> None:
        pass

    def skipped(self, term: LockTerm) -> None:
        pass

    def released(self, term: LockTerm, seconds: float) -> None:
        pass


UNHEARD: Final[LockListener] = _Deaf()


class ActiveLock:
    """The lock that the present work runs under."""

    def __init__(self, locks: Locks, lock: Lock, *, kept_alive: bool) -> None:
        self._locks = locks
        self._kept_alive = kept_alive
        self._is_over = False
        self.lock = lock

    @property
    def token(self) -> int:
        """Higher than that of everybody who held it before: hand it to whatever the work changes."""
        return self.lock.token

    async def extend(self, at_most: timedelta, at_least: timedelta = timedelta(0)) -> None:
        """Hold it for these times from now on.

        Raises `LockCannotBeExtended` if it is lost, `NoActiveLock` if it was given back,
        and `Invalid` for one that is kept alive anyway.
        """
        if self._kept_alive:
            detail = f"The lock {self.lock.name!r} is kept alive; it is not extended by hand."
            raise Invalid(FieldProblem("", "LOCK_KEPT_ALIVE", detail))
        await self._extend(at_most, at_least)

    async def keep_alive(self, term: LockTerm, sleep: Sleep) -> None:
        """Extend it at every half of its time, until that fails. What is left of `at_least` shrinks meanwhile."""
        every = term.at_most / 2
        at_least = term.at_least
        while True:
            await sleep(every.total_seconds())
            at_least = max(timedelta(0), at_least - every)
            try:
                await self._extend(term.at_most, at_least)
            except (LockCannotBeExtended, StoreUnavailable) as error:
                log.error("the lock %s is not kept alive any more, others may take it: %s", term.name, error)
                return

    async def release(self) -> None:
        """Give it back, once."""
        self._require()
        self._is_over = True
        await self._locks.unlock(self.lock)

    async def _extend(self, at_most: timedelta, at_least: timedelta) -> None:
        self._require()
        longer = await self._locks.extend(self.lock, at_most, at_least)
        if longer is None:
            raise LockCannotBeExtended(self.lock.name)
        self.lock = longer

    def _require(self) -> None:
        if self._is_over:
            raise NoActiveLock(self.lock.name)


_ACTIVE: ContextVar[tuple[ActiveLock, ...]] = ContextVar("active_locks", default=())


def active_lock(name: str | None = None) -> ActiveLock:
    """The innermost lock around the present work, or that of a name. Raises `NoActiveLock`: to assert and to extend."""
    for active in reversed(_ACTIVE.get()):
        if name is None or active.lock.name == name:
            return active
    raise NoActiveLock(name)


class Locking:
    """Takes locks around work; held elsewhere means skip, never queue."""

    def __init__(self, locks: Locks, listener: LockListener = UNHEARD, sleep: Sleep = asyncio.sleep) -> None:
        self._locks = locks
        self._listener = listener
        self._sleep = sleep

    @asynccontextmanager
    async def holding(self, term: LockTerm, *, keep_alive: bool = False) -> AsyncIterator[ActiveLock | None]:
        """The block runs under the lock; it is handed None, and must do nothing, if somebody else has it.

        A block inside one of the same name runs under the lock that is there. Raises `StoreUnavailable` if nobody
        knows, `Invalid` if a lock shorter than `SHORTEST_KEPT_ALIVE` is to be kept alive.
        """
        if keep_alive and term.at_most < SHORTEST_KEPT_ALIVE:
            least = SHORTEST_KEPT_ALIVE.total_seconds()
            raise Invalid(
                FieldProblem("/atMost", "INVALID_LOCK_TERM", f"To be kept alive it needs at least {least:g} s.")
            )
        with contextlib.suppress(NoActiveLock):
            outer = active_lock(term.name)
            if outer.lock.tenant == term.tenant:
                yield outer
                return
        lock = await self._locks.lock(term)
        if lock is None:
            self._listener.skipped(term)
            yield None
            return
        self._listener.acquired(term)
        active = ActiveLock(self._locks, lock, kept_alive=keep_alive)
        async with self._entered(active, term, keep_alive=keep_alive):
            yield active

    @asynccontextmanager
    async def _entered(self, active: ActiveLock, term: LockTerm, *, keep_alive: bool) -> AsyncIterator[None]:
        began = asyncio.get_running_loop().time()
        keeper = asyncio.create_task(active.keep_alive(term, self._sleep)) if keep_alive else None
        before = _ACTIVE.set((*_ACTIVE.get(), active))
        try:
            yield
        finally:
            _ACTIVE.reset(before)
            if keeper is not None:
                keeper.cancel()
                await asyncio.gather(keeper, return_exceptions=True)
            self._listener.released(term, asyncio.get_running_loop().time() - began)
            try:
                await active.release()
            except StoreUnavailable as error:  # the work is done; at most its time later the lock is free
                log.warning("the lock %s was not released: %s", term.name, error)
