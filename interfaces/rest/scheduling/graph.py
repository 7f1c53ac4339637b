"""What depends on what."""

from typing import Annotated

from litestar import Controller, get
from litestar.params import FromPath, QueryParameter

from application.scheduling.graph_views import (
    DependenciesView,
    GraphView,
    JobGraphs,
    PlanView,
    RelativesView,
)
from application.shared.principal import Principal
from interfaces.rest.documented import problems
from interfaces.rest.injected import Injected
from interfaces.rest.keys import job_key


class JobGraphController(Controller):
    """The graph as one job sees it."""

    path = "/jobs/{job:str}"
    tags = ("Graph",)

    @get("/dependencies", operation_id="listDependencies", responses=problems(404))
    async def upstreams(
        self, job: FromPath[str], principal: Injected[Principal], graphs: Injected[JobGraphs]
    ) -> DependenciesView:
        """What a job depends on directly, and what each edge asks."""
        return await graphs.dependencies(principal, job_key(job))

    @get("/dependents", operation_id="listDependents", responses=problems(404))
    async def downstreams(
        self, job: FromPath[str], principal: Injected[Principal], graphs: Injected[JobGraphs]
    ) -> RelativesView:
        """All that depends on a job, the nearest first; `distance` 1 = directly."""
        return await graphs.dependents(principal, job_key(job))

    @get("/ancestors", operation_id="listAncestors", responses=problems(404))
    async def ancestors(
        self, job: FromPath[str], principal: Injected[Principal], graphs: Injected[JobGraphs]
    ) -> RelativesView:
        """All that a job depends on, the nearest first; `distance` 1 = directly."""
        return await graphs.ancestors(principal, job_key(job))

    @get("/plan", operation_id="planRun", responses=problems(404))
    async def plan(self, job: FromPath[str], principal: Injected[Principal], graphs: Injected[JobGraphs]) -> PlanView:
        """The jobs of a run that begins with the job, level by level."""
        return await graphs.plan(principal, job_key(job))


@get("/graph", operation_id="getGraph", tags=["Graph"], responses=problems(404))
async def graph(
    principal: Injected[Principal],
    graphs: Injected[JobGraphs],
    job: Annotated[
        str | None, QueryParameter(description="Only what this job, by id or name, depends on and what depends on it.")
    ] = None,
) -> GraphView:
    """All jobs that depend on others or that others depend on, and the edges between them."""
    return await graphs.graph(principal, None if job is None else job_key(job))
