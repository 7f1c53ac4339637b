"""Backfills: one alone when somebody acts on it, the one that is due when it is its turn."""

from __future__ import annotations

from abc import abstractmethod
from datetime import datetime
from typing import Protocol

from domain.scheduling.backfill import Backfill
from domain.scheduling.ids import BackfillId
from domain.shared.ids import TenantId


class BackfillRepository(Protocol):
    """Whoever gets one holds its lock for the unit of work; a job's schedule is locked after its backfill."""

    @abstractmethod
    async def get(self, tenant: TenantId, backfill_id: BackfillId) -> Backfill:
        """Waits for whoever holds it. Raises `BackfillNotFound`."""

    @abstractmethod
    async def save(self, backfill: Backfill) -> None:
        """Insert or update it; its events go to the outbox. Raises `BackfillUnderWay`, `StaleVersion`."""

    @abstractmethod
    async def take_due(self, now: datetime) -> Backfill | None:
        """The one that has been due the longest, unless another node holds it; then the next, or None."""

    @abstractmethod
    async def next_due(self) -> datetime | None:
        """When the next one is due, or None."""
