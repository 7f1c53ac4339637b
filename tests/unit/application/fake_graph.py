"""The graph of dependencies, on the dictionaries of the fake store."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from domain.scheduling.graph import Dependent, Graph
from domain.scheduling.ids import JobId
from domain.scheduling.job import JobStatus
from domain.scheduling.ports.graph_book import GraphBook, Named
from domain.shared.ids import TenantId

if TYPE_CHECKING:
    from tests.unit.application.fake_store import Tables


class FakeGraphBook(GraphBook):
    """All jobs are of one tenant."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def lock(self, tenant: TenantId) -> None:
        self._tables.graph_version += 1

    async def version(self, tenant: TenantId) -> int:
        return self._tables.graph_version

    async def load(self, tenant: TenantId) -> Graph:
        return Graph(self._tables.dependents.values())

    async def above(self, jobs: Collection[JobId]) -> Graph:
        graph = Graph(self._tables.dependents.values())
        return Graph(d for job in jobs for each in (job, *graph.ancestors(job)) if (d := graph.get(each)))

    async def find(self, job_id: JobId) -> Dependent | None:
        return self._tables.dependents.get(job_id)

    async def named(self, tenant: TenantId, keys: Collection[JobId | str]) -> Mapping[JobId | str, Named]:
        jobs = [j for j in self._tables.jobs.values() if j.status is not JobStatus.DELETED and j.tenant == tenant]
        found = {key: (job.id, job.definition.name) for job in jobs for key in (job.id, job.definition.name)}
        return {key: named for key, named in found.items() if key in keys}

    async def dependents_of(self, job_id: JobId) -> Sequence[str]:
        found = self._tables.dependents.values()
        return sorted(d.name for d in found if any(link.upstream == job_id for link in d.links))

    async def put(self, tenant: TenantId, dependent: Dependent) -> None:
        self._tables.dependents[dependent.job_id] = dependent

    async def remove(self, job_id: JobId) -> None:
        self._tables.dependents.pop(job_id, None)
