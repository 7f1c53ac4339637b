"""The graph of dependencies, as readers see it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypedDict
from uuid import UUID

from application.scheduling.dependency_document import MatchDocument, match_document_of
from application.scheduling.job_management import JobKey
from application.scheduling.ports import BeginWork, SchedulingWork
from application.scheduling.views import View
from application.shared.principal import Principal
from domain.scheduling.errors import JobNotFound
from domain.scheduling.graph import Graph, Link
from domain.scheduling.ids import JobId
from domain.scheduling.ports.graph_book import Named


class NodeView(View, frozen=True, kw_only=True):
    """A job in the graph."""

    job_id: UUID
    name: str


class RelativeView(NodeView, frozen=True, kw_only=True):
    """A job from which another one can be reached, over so many edges at least."""

    distance: int


class DependencyView(NodeView, frozen=True, kw_only=True):
    """An upstream of a job, and what the edge to it asks."""

    type: str
    condition: str | None = None
    match: MatchDocument | None = None


class DependenciesView(View, frozen=True, kw_only=True):
    """`required` of the edges have to be satisfied."""

    items: Sequence[DependencyView]
    join: str
    required: int


class RelativesView(View, frozen=True, kw_only=True):
    """The nearest first."""

    items: Sequence[RelativeView]


class PlanView(View, frozen=True, kw_only=True):
    """The jobs of a run, level by level: each comes after all it depends on, those of a level may run together."""

    jobs: int
    levels: Sequence[Sequence[NodeView]]


class EdgeView(View, frozen=True, kw_only=True):
    """From an upstream to what depends on it."""

    upstream_id: UUID
    job_id: UUID
    type: str
    condition: str | None = None
    match: MatchDocument | None = None


class GraphView(View, frozen=True, kw_only=True):
    """All jobs that have an edge, and the edges. `levels` as in the plan of a run, over all jobs."""

    jobs: Sequence[NodeView]
    edges: Sequence[EdgeView]
    levels: Sequence[Sequence[UUID]]


class JobGraphs:
    """What depends on what. Every method raises `JobNotFound` for a job that there is not."""

    def __init__(self, begin: BeginWork) -> None:
        self._begin = begin

    async def dependencies(self, principal: Principal, key: JobKey) -> DependenciesView:
        """The upstreams of a job."""
        async with self._begin() as work:
            job_id, _ = await _named(work, principal, key)
            dependent = await work.graph.find(job_id)
        if dependent is None:
            return DependenciesView(items=[], join="ALL", required=0)
        items = [DependencyView(job_id=link.upstream, name=link.name, **_told(link)) for link in dependent.links]
        return DependenciesView(items=items, join=dependent.join, required=dependent.required)

    async def dependents(self, principal: Principal, key: JobKey) -> RelativesView:
        """All that depends on a job, directly or through others."""
        graph, job_id, _ = await self._graph(principal, key)
        return _relatives(graph, graph.descendants(job_id).items())

    async def ancestors(self, principal: Principal, key: JobKey) -> RelativesView:
        """All that a job depends on, directly or through others."""
        graph, job_id, _ = await self._graph(principal, key)
        return _relatives(graph, graph.ancestors(job_id).items())

    async def plan(self, principal: Principal, key: JobKey) -> PlanView:
        """What a run that begins with the job would bring."""
        graph, job_id, name = await self._graph(principal, key)
        run = graph.run_of(job_id)
        names = {job_id: name, **graph.names}
        levels = [[NodeView(job_id=job, name=names[job]) for job in level] for level in graph.levels(run)]
        return PlanView(jobs=len(run), levels=levels)

    async def graph(self, principal: Principal, key: JobKey | None) -> GraphView:
        """The whole graph, or the part of it that is connected with a job by ways up or down."""
        if key is None:
            async with self._begin() as work:
                graph = await work.graph.load(principal.tenant)
            shown = graph.jobs
        else:
            graph, job_id, _ = await self._graph(principal, key)
            shown = graph.jobs & {job_id, *graph.ancestors(job_id), *graph.descendants(job_id)}
        return GraphView(
            jobs=[NodeView(job_id=job, name=graph.names[job]) for job in sorted(shown)],
            edges=[
                EdgeView(upstream_id=link.upstream, job_id=dependent.job_id, **_told(link))
                for dependent in sorted(graph.dependents, key=lambda d: d.job_id)
                for link in dependent.links
                if dependent.job_id in shown and link.upstream in shown
            ],
            levels=graph.levels(shown),
        )

    async def _graph(self, principal: Principal, key: JobKey) -> tuple[Graph, JobId, str]:
        async with self._begin() as work:
            job_id, name = await _named(work, principal, key)
            return await work.graph.load(principal.tenant), job_id, name


async def _named(work: SchedulingWork, principal: Principal, key: JobKey) -> Named:
    found = await work.graph.named(principal.tenant, [key])
    if key not in found:
        raise JobNotFound(key)
    return found[key]


class _Told(TypedDict):
    type: str
    condition: str | None
    match: MatchDocument | None


def _told(link: Link) -> _Told:
    match = None if link.match is None else match_document_of(link.match)
    return {"type": link.type, "condition": link.condition, "match": match}


def _relatives(graph: Graph, distances: Iterable[tuple[JobId, int]]) -> RelativesView:
    items = [RelativeView(job_id=job, name=graph.names[job], distance=distance) for job, distance in distances]
    return RelativesView(items=items)
