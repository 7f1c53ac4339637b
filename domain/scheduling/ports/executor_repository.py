"""Executors and their sessions."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from domain.scheduling.executor import Executor
from domain.scheduling.ids import ExecutorId
from domain.scheduling.ports.task_queue import Session
from domain.shared.ids import TenantId


class ExecutorRepository(Protocol):
    """One executor at a time, but for the heartbeats, which come as sets."""

    @abstractmethod
    async def get(self, tenant: TenantId, executor_id: ExecutorId) -> Executor:
        """The executor, locked. Raises `ExecutorNotFound`."""

    @abstractmethod
    async def find(self, tenant: TenantId, executor_id: ExecutorId) -> Executor | None:
        """The executor, locked, or None."""

    @abstractmethod
    async def save(self, executor: Executor) -> None:
        """Insert or update it; its events go to the outbox. Raises `StaleVersion`."""

    @abstractmethod
    async def take_silent(self, since: datetime, limit: int) -> Sequence[Executor]:
        """Sessions that are not over and whose last recorded beat is before `since`, locked, skipping those
        that others hold.
        """

    @abstractmethod
    async def record_beats(self, beats: Mapping[Session, datetime]) -> None:
        """Move the last beat of these sessions forward; one statement."""
