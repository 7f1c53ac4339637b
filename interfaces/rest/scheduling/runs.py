"""Runs: what began with one fire, as one thing."""

from typing import Annotated
from uuid import UUID

from litestar import Controller, get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from application.scheduling.queries import SchedulingReader, Slice
from application.scheduling.runs import Runs, RunSummary, RunView
from application.shared.page import Page
from application.shared.principal import Principal
from domain.scheduling.errors import RunNotFound
from domain.scheduling.ids import RunId
from interfaces.rest.documented import problems
from interfaces.rest.injected import Injected
from interfaces.rest.keys import job_key
from interfaces.rest.parameters import Cursor, Limit
from interfaces.rest.scheduling.reasons import NO_REASON, Reason, ReasonParameter, reason_of


class RunController(Controller):
    """A run has the id of the task that it began with; all its tasks have that as `runId`."""

    path = "/runs"
    tags = ("Runs",)

    @get("/", operation_id="listRuns", responses=problems(404))
    async def page(
        self,
        principal: Injected[Principal],
        runs: Injected[Runs],
        reader: Injected[SchedulingReader],
        job: Annotated[
            str | None, QueryParameter(description="Only runs that began with this job, by id or name.")
        ] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[RunSummary]:
        """The newest first. A task on which nothing depends is a run of one."""
        job_id = None if job is None else (await reader.job(principal.tenant, job_key(job))).id
        return await runs.page(principal, job_id, Slice(limit=limit, cursor=cursor))

    @get("/{run:str}", operation_id="getRun", responses=problems(404))
    async def one(self, run: FromPath[str], principal: Injected[Principal], runs: Injected[Runs]) -> RunView:
        """A run with all its tasks, how it stands, and the way through it that took longest."""
        return await runs.one(principal, _run_id(run))

    @post("/{run:str}/cancel", operation_id="cancelRun", status_code=200, responses=problems(404, 415))
    async def cancel(
        self,
        run: FromPath[str],
        principal: Injected[Principal],
        runs: Injected[Runs],
        reason: ReasonParameter = None,
        data: JSONBody[Reason] = NO_REASON,
    ) -> RunView:
        """End all of a run that is alive, and let nothing more come of it."""
        await runs.cancel(principal, _run_id(run), reason_of(data, reason))
        return await runs.one(principal, _run_id(run))


def _run_id(text: str) -> RunId:
    try:
        return RunId(UUID(text))
    except ValueError:
        raise RunNotFound(text) from None
