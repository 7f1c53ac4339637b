"""The unit of work of operations, and what is read of them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from application.operations.views import ExecutionView, LockView
from application.shared.page import Page
from application.shared.unit_of_work import UnitOfWork
from domain.operations.execution import Execution, ExecutionId
from domain.operations.operation import Operation
from domain.operations.ports.nodes import NodeDirectory
from domain.operations.ports.operations import ExecutionBook, OperationBook
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

    @property
    @abstractmethod
    def operations(self) -> OperationBook: ...

    @property
    @abstractmethod
    def executions(self) -> ExecutionBook: ...


BeginOperations = Callable[[], OperationsWork]


class LocksReader(Protocol):
    """The locks of users as the API shows them."""

    @abstractmethod
    async def locks(self, tenant: TenantId, limit: int, cursor: str | None) -> Page[LockView]:
        """Those that are held, by name. Raises `InvalidCursor`."""

    @abstractmethod
    async def lock(self, tenant: TenantId, name: str) -> LockView:
        """Raises `LockNotFound`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agenda:
    """What is to be done, by name: in how long, None for what is paused; `pending` is wished for now."""

    waits: Mapping[str, timedelta | None]
    pending: frozenset[str]


class OperationsReader(Protocol):
    """Operations and their executions, read without a lock."""

    @abstractmethod
    async def agenda(self) -> Agenda:
        """As it stands."""

    @abstractmethod
    async def operations(self) -> Mapping[str, tuple[Operation, Execution | None]]:
        """Each that has ever been entered, with the execution that runs or ran last."""

    @abstractmethod
    async def executions(
        self, operation: str | None, statuses: tuple[str, ...], limit: int, cursor: str | None
    ) -> Page[ExecutionView]:
        """The newest first. Raises `InvalidCursor`."""

    @abstractmethod
    async def execution(self, id_: ExecutionId) -> ExecutionView:
        """Raises `ExecutionNotFound`."""
