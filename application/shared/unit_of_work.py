"""One transaction of the store."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self

from domain.shared.events import DomainEvent


class UnitOfWork(Protocol):
    """Leaving the block without `commit` undoes it."""

    @property
    @abstractmethod
    def now(self) -> datetime:
        """The store's time, read once when the unit began; every decision in it is taken at this instant."""

    @abstractmethod
    async def __aenter__(self) -> Self: ...

    @abstractmethod
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    @abstractmethod
    def record(self, events: Sequence[DomainEvent]) -> None:
        """These facts go to the outbox in the same commit, after those recorded before."""

    @abstractmethod
    async def commit(self) -> None:
        """Make it all true, the outbox row included."""
