"""Where operations and their executions are kept."""

from __future__ import annotations

from abc import abstractmethod
from datetime import datetime
from typing import Protocol

from domain.operations.execution import Execution, ExecutionId
from domain.operations.operation import Operation


class OperationBook(Protocol):
    """Part of a unit of work."""

    @abstractmethod
    async def take(self, name: str, now: datetime) -> Operation:
        """Locked until the unit ends; one that nobody has heard of is entered, and due now."""

    @abstractmethod
    async def save(self, operation: Operation) -> None:
        """As it stands after `take`."""


class ExecutionBook(Protocol):
    """Part of a unit of work; `take` the operation before."""

    @abstractmethod
    async def add(self, execution: Execution) -> None:
        """A new one."""

    @abstractmethod
    async def save(self, execution: Execution) -> None:
        """One that was added before."""

    @abstractmethod
    async def find(self, id_: ExecutionId) -> Execution | None:
        """None if it is not kept any more."""

    @abstractmethod
    async def pending(self, operation: str) -> Execution | None:
        """The one that is wished for and has not begun; there is never more than one."""
