"""What the use cases of notifications need besides the domain's ports."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from application.notifications.views import DeadLetterView, SinkView
from application.shared.page import Page
from domain.notifications.ports.sink import Sink
from domain.shared.ids import TenantId


class SinkDirectory(Protocol):
    """The sinks that there are now; they may come and go."""

    @abstractmethod
    async def sinks(self) -> Sequence[Sink]:
        """All of them. Raises `StoreUnavailable`."""


class SinksReader(Protocol):
    """Sinks as the API shows them, and what operators do with their dead letters. Raises `SinkNotFound`."""

    @abstractmethod
    async def sinks(self, tenant: TenantId) -> Sequence[SinkView]:
        """The platform's and the tenant's, by name."""

    @abstractmethod
    async def dead_letters(self, tenant: TenantId, sink: str, limit: int, cursor: str | None) -> Page[DeadLetterView]:
        """The oldest first."""

    @abstractmethod
    async def redrive(self, tenant: TenantId, sink: str, ids: Sequence[UUID] | None) -> int:
        """These, or all, shall be sent again; how many."""

    @abstractmethod
    async def purge(self, tenant: TenantId, sink: str, ids: Sequence[UUID] | None) -> int:
        """These, or all, are thrown away; how many."""


class JobLookup(Protocol):
    """Finds jobs for those who name one."""

    @abstractmethod
    async def id_of(self, tenant: TenantId, job: str) -> UUID:
        """By name or id. Raises `JobNotFound`."""
