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
    async def get(self, tenant: TenantId, key: JobId | str, *, even_unreadable: bool = False) -> Job:
        """The job with this id or name, locked for this unit of work. Raises `JobNotFound`.

        `JobUnreadable` if its definition cannot be used, unless the caller needs only the rest of the job.
        """

    @abstractmethod
    async def find(self, tenant: TenantId, name: str) -> Job | None:
        """The job with this name, locked, or None; even one whose definition cannot be used."""

    @abstractmethod
    async def of_any_tenant(self, id_: JobId) -> Job:
        """The job with this id, locked, even one whose definition cannot be used. Raises `JobNotFound`."""

    @abstractmethod
    async def save(self, job: Job) -> None:
        """Insert or update it, and keep its definition as a version of its own; its events go to the outbox.

        A definition that cannot be used stays as it is.

        Raises `JobNameTaken`, `StaleVersion`.
        """
