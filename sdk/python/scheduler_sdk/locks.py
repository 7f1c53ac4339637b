"""A lock around a block: acquired, kept while the block runs, released; with its token for what it protects."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from uuid import uuid4

from scheduler_sdk.async_client import AsyncClient
from scheduler_sdk.client import Client
from scheduler_sdk.client_errors import ApiError, NoAnswer, Unreachable
from scheduler_sdk.cluster_shapes import LockWish

LONGEST_WAIT = 20.0
"""Seconds that one request waits; a client that waits longer asks again."""

_PASSING = (NoAnswer, Unreachable)


class LockLost(Exception):
    """The lock has expired, and somebody else may have it by now: the block must stop."""


@dataclass(slots=True)
class Held:
    """The lock around a block. `token` is higher than that of everybody who had it before."""

    name: str
    token: int
    _lost: threading.Event = field(default_factory=threading.Event)

    @property
    def is_lost(self) -> bool:
        """Whether it is not held any more."""
        return self._lost.is_set()

    def require(self) -> None:
        """Raises `LockLost` if it is not held any more. Call it before each step that must not be done twice."""
        if self.is_lost:
            raise LockLost(f"The lock {self.name!r} is not held any more.")

    def lose(self) -> None:
        """It is not held any more."""
        self._lost.set()


@contextmanager
def holding(
    client: Client, name: str, *, ttl: float = 30.0, permits: int = 1, wait: float = 0.0, owner: str | None = None
) -> Iterator[Held]:
    """Holds a lock, or one of `permits`, inside the block; another thread extends it meanwhile.

    Seconds: `ttl` is how long others wait for it if this process dies, `wait` how long to wait for it here. Raises
    `ApiError` with code `LOCK_HELD` if others have it for longer than that.
    """
    asking, lock = _Asking(ttl, permits, wait, owner), None
    while lock is None:
        try:
            lock = client.acquire_lock(name, asking.wish())
        except (ApiError, *_PASSING) as error:
            time.sleep(asking.pause_after(error))
    held, over = Held(name, lock["token"]), threading.Event()
    keeper = threading.Thread(target=_keep, args=(client, held, ttl, over), daemon=True, name=f"lock {name}")
    keeper.start()
    try:
        yield held
    finally:
        over.set()
        keeper.join()
        with contextlib.suppress(ApiError, *_PASSING):  # it expires by itself
            client.release_lock(name, held.token)


@asynccontextmanager
async def holding_async(
    client: AsyncClient, name: str, *, ttl: float = 30.0, permits: int = 1, wait: float = 0.0, owner: str | None = None
) -> AsyncIterator[Held]:
    """`holding` for code that awaits; a task extends the lock meanwhile."""
    asking, lock = _Asking(ttl, permits, wait, owner), None
    while lock is None:
        try:
            lock = await client.acquire_lock(name, asking.wish())
        except (ApiError, *_PASSING) as error:
            await asyncio.sleep(asking.pause_after(error))
    held = Held(name, lock["token"])
    keeper = asyncio.create_task(_keep_async(client, held, ttl))
    try:
        yield held
    finally:
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)
        with contextlib.suppress(ApiError, *_PASSING):
            await client.release_lock(name, held.token)


class _Asking:
    """One wish, repeated under the same id until it is granted or the wait is over."""

    def __init__(self, ttl: float, permits: int, wait: float, owner: str | None) -> None:
        self._wish: LockWish = {
            "owner": owner or f"{socket.gethostname()}:{os.getpid()}",
            "ttl": _seconds(ttl),
            "permits": permits,
            "requestId": str(uuid4()),
        }
        self._deadline = time.monotonic() + wait
        self._left = wait

    def wish(self) -> LockWish:
        self._left = self._deadline - time.monotonic()
        return {**self._wish, "wait": _seconds(max(0.0, min(self._left, LONGEST_WAIT)))}

    def pause_after(self, error: Exception) -> float:
        """Seconds until the next request; raises `error` if there is none."""
        if isinstance(error, ApiError):
            if error.code != "LOCK_HELD" or self._left <= LONGEST_WAIT:
                raise error
            return 0.0
        if self._left <= 0:
            raise error
        return min(1.0, self._left)


class _Renewal:
    """Whether a lock is surely still held; a server that does not answer is asked again until its time is over."""

    def __init__(self, held: Held, ttl: float) -> None:
        self._held, self._ttl = held, ttl
        self._asked = time.monotonic()
        self._sure_until = self._asked + ttl

    def asks(self) -> None:
        self._asked = time.monotonic()

    def granted(self) -> None:
        self._sure_until = self._asked + self._ttl

    def failed(self, error: Exception) -> None:
        if isinstance(error, ApiError) or time.monotonic() >= self._sure_until:
            self._held.lose()


def _keep(client: Client, held: Held, ttl: float, over: threading.Event) -> None:
    renewal = _Renewal(held, ttl)
    while not held.is_lost and not over.wait(ttl / 3):
        renewal.asks()
        try:
            client.extend_lock(held.name, held.token, ttl=_seconds(ttl))
            renewal.granted()
        except (ApiError, *_PASSING) as error:
            renewal.failed(error)


async def _keep_async(client: AsyncClient, held: Held, ttl: float) -> None:
    renewal = _Renewal(held, ttl)
    while not held.is_lost:
        await asyncio.sleep(ttl / 3)
        renewal.asks()
        try:
            await client.extend_lock(held.name, held.token, ttl=_seconds(ttl))
            renewal.granted()
        except (ApiError, *_PASSING) as error:
            renewal.failed(error)


def _seconds(value: float) -> str:
    return f"PT{value:.3f}S"
