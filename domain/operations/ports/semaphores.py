"""Where the locks of users and the fences of their resources are kept."""

from __future__ import annotations

from abc import abstractmethod
from typing import Protocol

from domain.operations.semaphore import Semaphore
from domain.shared.ids import TenantId


class SemaphoreRepository(Protocol):
    """One lock at a time, changed by one unit of work at a time."""

    @abstractmethod
    async def take(self, tenant: TenantId, name: str, permits: int) -> Semaphore:
        """It is this unit of work's alone until that ends; one that nobody holds has `permits`."""

    @abstractmethod
    async def save(self, semaphore: Semaphore) -> None:
        """Keep its holders; one without any is forgotten."""

    @abstractmethod
    async def next_token(self) -> int:
        """A token that is higher than all that were handed out before, to tasks and locks."""

    @abstractmethod
    async def forget_expired(self, limit: int) -> int:
        """Remove at most `limit` of those whose last hold has expired; how many."""


class Fences(Protocol):
    """What the resources of users have seen."""

    @abstractmethod
    async def pass_(self, tenant: TenantId, resource: str, token: int) -> int:
        """The highest token the resource has seen, this one included."""

    @abstractmethod
    async def newest_token(self) -> int:
        """The highest token that was ever handed out."""
