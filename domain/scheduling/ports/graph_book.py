"""The dependencies of a tenant's jobs as one graph."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from domain.scheduling.graph import Dependent, Graph
from domain.scheduling.ids import JobId
from domain.shared.ids import TenantId

Named = tuple[JobId, str]
"""A job's id and name."""


class GraphBook(Protocol):
    """Who changes the graph locks it first, and after the row of the job: so changes come one after the other."""

    @abstractmethod
    async def lock(self, tenant: TenantId) -> None:
        """Nobody else changes this tenant's graph, or judges by it, until this unit of work is over."""

    @abstractmethod
    async def version(self, tenant: TenantId) -> int:
        """Rises with every change. The graph stays as it is until this unit of work is over."""

    @abstractmethod
    async def load(self, tenant: TenantId) -> Graph:
        """All of it."""

    @abstractmethod
    async def above(self, jobs: Collection[JobId]) -> Graph:
        """What these jobs depend on, and so on upwards."""

    @abstractmethod
    async def find(self, job_id: JobId) -> Dependent | None:
        """What the job depends on; None for nothing."""

    @abstractmethod
    async def named(self, tenant: TenantId, keys: Collection[JobId | str]) -> Mapping[JobId | str, Named]:
        """The jobs with these ids or names, as far as there are any; deleted ones are none."""

    @abstractmethod
    async def dependents_of(self, job_id: JobId) -> Sequence[str]:
        """The names of the jobs that depend on it directly."""

    @abstractmethod
    async def put(self, tenant: TenantId, dependent: Dependent) -> None:
        """The job depends on these, and on nothing else."""

    @abstractmethod
    async def remove(self, job_id: JobId) -> None:
        """The job depends on nothing any more."""
