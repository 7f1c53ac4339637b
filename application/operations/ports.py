"""The unit of work of operations."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Protocol

from application.operations.views import LockView
from application.shared.page import Page
from application.shared.unit_of_work import UnitOfWork
from domain.operations.ports.nodes import NodeDirectory
from domain.operations.ports.semaphores import Fences, SemaphoreRepository
from domain.shared.ids import TenantId


class OperationsWork(UnitOfWork, Protocol):
    """Everything of operations that one transaction may change."""

    @property
    @abstractmethod
    def semaphores(self) -> SemaphoreRepository: ...

    @property
    @abstractmethod
    def fences(self) -> Fences: ...

    @property
    @abstractmethod
    def nodes(self) -> NodeDirectory: ...


BeginOperations = Callable[[], OperationsWork]


class LocksReader(Protocol):
    """The locks of users as the API shows them."""

    @abstractmethod
    async def locks(self, tenant: TenantId, limit: int, cursor: str | None) -> Page[LockView]:
        """Those that are held, by name. Raises `InvalidCursor`."""

    @abstractmethod
    async def lock(self, tenant: TenantId, name: str) -> LockView:
        """Raises `LockNotFound`."""
