"""Where locks of operations are kept."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from domain.operations.lock import Lock, LockTerm
from domain.shared.ids import TenantId


class Locks(Protocol):
    """The rules of ShedLock, owner-checked: an expired holder can never free or prolong the lock of the next one.

    Every method raises `StoreUnavailable` when the place is away: nobody knows then whether a lock is held.
    """

    @abstractmethod
    async def lock(self, term: LockTerm) -> Lock | None:
        """Take it; None if somebody holds it, and nobody ever waits for it. Its token is the highest it ever had."""

    @abstractmethod
    async def extend(self, lock: Lock, at_most: timedelta, at_least: timedelta = timedelta(0)) -> Lock | None:
        """Hold it for these times from now on; None if it has expired or is another's by now."""

    @abstractmethod
    async def unlock(self, lock: Lock) -> bool:
        """Release it, at once or when `at_least` is over; False, and nothing changes, if it is not held any more."""

    @abstractmethod
    async def held(self, tenant: TenantId) -> Sequence[Lock]:
        """All that are held now, by name; for people."""
