"""What the client that blocks can do with locks and nodes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import TypeVar

from scheduler_sdk import client_calls as calls
from scheduler_sdk.client_calls import Call
from scheduler_sdk.cluster_shapes import HeldLock, LockWish, Node, SharedLock, UpkeepLock
from scheduler_sdk.shapes import Page

T = TypeVar("T")


class LockCalls:
    """A part of `Client`."""

    def locks(self) -> Iterator[SharedLock]:
        """Locks that are held, by name; pages are fetched as they are read."""
        return self._pages(calls.list_locks())

    def acquire_lock(self, name: str, wish: LockWish) -> HeldLock:
        """Takes a lock; refused with `LOCK_HELD` if others keep it. `locks.holding` does all of it around a block."""
        return self._send(calls.acquire_lock(name, wish))

    def extend_lock(self, name: str, token: int, *, ttl: str) -> HeldLock:
        """Holds it for `ttl` from now on; refused with `LOCK_LOST` if it is not held with that token any more."""
        return self._send(calls.extend_lock(name, token, ttl))

    def release_lock(self, name: str, token: int) -> bool:
        """Whether it was held with that token. Repeating it is harmless."""
        return self._send(calls.release_lock(name, token))["released"]

    def check_fence(self, resource: str, token: int) -> None:
        """Refused with `STALE_TOKEN` if somebody with a higher token has been at the resource: then leave it alone."""
        self._send(calls.check_fence(resource, token))

    def cluster_nodes(self) -> list[Node]:
        """The server processes of the last day, the latest start first."""
        return self._send(calls.cluster_nodes())["items"]

    def cluster_locks(self) -> list[UpkeepLock]:
        """The locks of the platform's own upkeep that are held."""
        return self._send(calls.cluster_locks())["items"]

    @abstractmethod
    def _pages(self, call: Call[Page[T]]) -> Iterator[T]: ...

    @abstractmethod
    def _send(self, call: Call[T]) -> T: ...
