"""Whole jobs, one at a time."""

from __future__ import annotations

from abc import abstractmethod
from typing import Protocol

from domain.scheduling.ids import JobId
from domain.scheduling.job import Job
from domain.shared.ids import TenantId


class JobRepository(Protocol):
    """Jobs that are not deleted; a deleted one is found by id only."""

    @abstractmethod
    async def get(self, tenant: TenantId, key: JobId | str) -> Job:
        """The job with this id or name, locked for this unit of work. Raises `JobNotFound`."""

    @abstractmethod
    async def find(self, tenant: TenantId, name: str) -> Job | None:
        """The job with this name, locked, or None."""

    @abstractmethod
    async def save(self, job: Job) -> None:
        """Insert or update it, and keep its definition as a version of its own; its events go to the outbox.

        Raises `JobNameTaken`, `StaleVersion`.
        """
