"""Jobs: defined, changed, started, stopped, looked at."""

from enum import StrEnum
from typing import Annotated, Any

from litestar import Controller, Response, delete, get, patch, post, put
from litestar.params import FromPath, JSONBody, QueryParameter

from application.scheduling.forecast import Forecast
from application.scheduling.job_document import JobChanges, JobDocument
from application.scheduling.job_management import COMPARED_DAYS, JobManagementService
from application.scheduling.queries import JobFilter, SchedulingReader, Slice
from application.scheduling.views import JobVersionView, JobView
from application.shared.page import Page
from application.shared.principal import Principal
from domain.scheduling.job import JobStatus
from interfaces.rest.documented import also, problems
from interfaces.rest.idempotency import ONCE
from interfaces.rest.injected import Injected
from interfaces.rest.keys import job_key
from interfaces.rest.parameters import Cursor, Limit, choices, several
from interfaces.rest.scheduling.job_answers import (
    Days,
    DryRun,
    EffectiveFrom,
    IfMatch,
    IfNoneMatch,
    RehearsedJob,
    changed,
    seen,
)


class LiveTasks(StrEnum):
    """What becomes of the tasks that a deleted job still has."""

    CANCEL = "CANCEL"
    KEEP = "KEEP"


class JobController(Controller):
    """`{job}` is a job's id or its name."""

    path = "/jobs"
    tags = ("Jobs",)

    @post("/", operation_id="createJob", opt={ONCE: True}, responses=also(RehearsedJob) | problems(409, 413, 415, 422))
    async def create(
        self,
        data: JSONBody[JobDocument],
        principal: Injected[Principal],
        jobs: Injected[JobManagementService],
        reader: Injected[SchedulingReader],
        forecast: Injected[Forecast],
        dry_run: DryRun = False,
        days: Days = COMPARED_DAYS,
    ) -> Response[JobView]:
        """Define a job. It fires once it is activated, or at once with `active`.

        With `dryRun` the answer is the job as it would be, with status 200.
        """
        return await changed(
            lambda terms: jobs.create(principal, data, terms),
            principal,
            reader,
            forecast,
            dry_run=dry_run,
            days=days,
            status=201,
        )

    @get("/", operation_id="listJobs", responses=problems())
    async def page(
        self,
        principal: Injected[Principal],
        reader: Injected[SchedulingReader],
        status: Annotated[str | None, QueryParameter(description="One or several, separated by commas.")] = None,
        name: Annotated[str | None, QueryParameter(description="One or several, separated by commas.")] = None,
        tag: Annotated[str | None, QueryParameter(description="Any of these, separated by commas.")] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[JobView]:
        """The jobs by name; deleted ones only if asked for by their status."""
        where = JobFilter(
            statuses=choices("status", status, JobStatus), names=several("name", name), tags=several("tag", tag)
        )
        return await reader.jobs(principal.tenant, where, Slice(limit=limit, cursor=cursor))

    @get("/active", operation_id="listActiveJobs", responses=problems())
    async def active(
        self,
        principal: Injected[Principal],
        reader: Injected[SchedulingReader],
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[JobView]:
        """The jobs that fire, by name."""
        where = JobFilter(statuses=(JobStatus.ACTIVE.value,))
        return await reader.jobs(principal.tenant, where, Slice(limit=limit, cursor=cursor))

    @get("/{job:str}", operation_id="getJob", responses=problems(404))
    async def one(
        self,
        job: FromPath[str],
        principal: Injected[Principal],
        reader: Injected[SchedulingReader],
        if_none_match: IfNoneMatch = None,
    ) -> Response[JobView]:
        """A job by id or name; a deleted one by id."""
        return seen(await reader.job(principal.tenant, job_key(job)), if_none_match)

    @get("/{job:str}/versions", operation_id="listJobVersions", responses=problems(404))
    async def versions(
        self,
        job: FromPath[str],
        principal: Injected[Principal],
        reader: Injected[SchedulingReader],
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[JobVersionView]:
        """What it was defined to be, the newest first."""
        found = await reader.job(principal.tenant, job_key(job))
        return await reader.job_versions(principal.tenant, found.id, Slice(limit=limit, cursor=cursor))

    @put("/{job:str}", operation_id="updateJob", responses=problems(404, 409, 412, 413, 415, 422))
    async def update(
        self,
        job: FromPath[str],
        data: JSONBody[JobChanges],
        principal: Injected[Principal],
        jobs: Injected[JobManagementService],
        reader: Injected[SchedulingReader],
        forecast: Injected[Forecast],
        effective_from: EffectiveFrom = None,
        if_match: IfMatch = None,
        dry_run: DryRun = False,
        days: Days = COMPARED_DAYS,
    ) -> Response[JobView]:
        """Change what the body names: what is absent stays, null goes back to the default.

        With `effectiveFrom` the job becomes this at that instant: fires before it are those of the present version.
        """
        return await changed(
            lambda terms: jobs.replace_fields(principal, job_key(job), data, terms),
            principal,
            reader,
            forecast,
            effective_from=effective_from,
            if_match=if_match,
            dry_run=dry_run,
            days=days,
        )

    @patch("/{job:str}", operation_id="patchJob", responses=problems(404, 409, 412, 413, 415, 422))
    async def patch(
        self,
        job: FromPath[str],
        data: JSONBody[dict[str, Any]],
        principal: Injected[Principal],
        jobs: Injected[JobManagementService],
        reader: Injected[SchedulingReader],
        forecast: Injected[Forecast],
        effective_from: EffectiveFrom = None,
        if_match: IfMatch = None,
        dry_run: DryRun = False,
        days: Days = COMPARED_DAYS,
    ) -> Response[JobView]:
        """Merge the body into the job's document (RFC 7396), down to single parameters; null removes a member.

        A trigger of another type replaces the former one as a whole. `effectiveFrom` is as in `PUT`.
        """
        return await changed(
            lambda terms: jobs.merge(principal, job_key(job), data, terms),
            principal,
            reader,
            forecast,
            effective_from=effective_from,
            if_match=if_match,
            dry_run=dry_run,
            days=days,
        )

    @delete("/{job:str}", operation_id="deleteJob", status_code=200, responses=problems(404, 409, 412))
    async def remove(
        self,
        job: FromPath[str],
        principal: Injected[Principal],
        jobs: Injected[JobManagementService],
        reader: Injected[SchedulingReader],
        forecast: Injected[Forecast],
        live_tasks: Annotated[
            LiveTasks, QueryParameter(name="liveTasks", description="What becomes of its live tasks.")
        ] = LiveTasks.CANCEL,
        if_match: IfMatch = None,
        dry_run: DryRun = False,
        days: Days = COMPARED_DAYS,
    ) -> Response[JobView]:
        """Delete a job. Its history stays readable and its name is free again."""
        cancels = live_tasks is LiveTasks.CANCEL
        return await changed(
            lambda terms: jobs.delete(principal, job_key(job), cancel_live=cancels, terms=terms),
            principal,
            reader,
            forecast,
            if_match=if_match,
            dry_run=dry_run,
            days=days,
        )
