"""What one does to a job: start and stop its fires, run it now."""

import msgspec
from litestar import Controller, Response, post
from litestar.params import FromPath, JSONBody

from application.scheduling.forecast import Forecast
from application.scheduling.job_management import JobManagementService
from application.scheduling.queries import SchedulingReader
from application.scheduling.views import JobView, TaskView
from application.shared.principal import Principal
from domain.scheduling.policies import OverlapPolicy
from interfaces.rest.bodies import Body, ObjectText, object_text
from interfaces.rest.documented import problems
from interfaces.rest.idempotency import ONCE
from interfaces.rest.injected import Injected
from interfaces.rest.keys import job_key
from interfaces.rest.scheduling.job_answers import DryRun, IfMatch, changed
from interfaces.rest.scheduling.reasons import NO_REASON, Reason, ReasonParameter, reason_of, required_reason


class RunNow(Body, frozen=True, kw_only=True):
    """`parameters` replace the job's own, `overlap` its policy, for this run."""

    parameters: ObjectText = msgspec.field(default_factory=msgspec.Raw)
    overlap: OverlapPolicy | None = None


AS_DEFINED = RunNow()


class JobActionController(Controller):
    """A verb that is satisfied already changes nothing; an impossible one is a conflict that says what is possible."""

    path = "/jobs/{job:str}"
    tags = ("Jobs",)

    @post("/activate", operation_id="activateJob", status_code=200, responses=problems(404, 409, 412, 415))
    async def activate(
        self,
        job: FromPath[str],
        principal: Injected[Principal],
        jobs: Injected[JobManagementService],
        reader: Injected[SchedulingReader],
        forecast: Injected[Forecast],
        if_match: IfMatch = None,
        dry_run: DryRun = False,
        reason: ReasonParameter = None,
        data: JSONBody[Reason] = NO_REASON,
    ) -> Response[JobView]:
        """Let it fire, from CREATED or DISABLED."""
        why = reason_of(data, reason)
        return await changed(
            lambda terms: jobs.activate(principal, job_key(job), why, terms),
            principal,
            reader,
            forecast,
            if_match=if_match,
            dry_run=dry_run,
        )

    @post("/pause", operation_id="pauseJob", status_code=200, responses=problems(404, 409, 412, 415))
    async def pause(
        self,
        job: FromPath[str],
        principal: Injected[Principal],
        jobs: Injected[JobManagementService],
        reader: Injected[SchedulingReader],
        forecast: Injected[Forecast],
        if_match: IfMatch = None,
        dry_run: DryRun = False,
        reason: ReasonParameter = None,
        data: JSONBody[Reason] = NO_REASON,
    ) -> Response[JobView]:
        """Stop its fires for a while. Tasks that exist go on, and it can still be run by hand."""
        why = reason_of(data, reason)
        return await changed(
            lambda terms: jobs.pause(principal, job_key(job), why, terms),
            principal,
            reader,
            forecast,
            if_match=if_match,
            dry_run=dry_run,
        )

    @post("/resume", operation_id="resumeJob", status_code=200, responses=problems(404, 409, 412, 415))
    async def resume(
        self,
        job: FromPath[str],
        principal: Injected[Principal],
        jobs: Injected[JobManagementService],
        reader: Injected[SchedulingReader],
        forecast: Injected[Forecast],
        if_match: IfMatch = None,
        dry_run: DryRun = False,
        reason: ReasonParameter = None,
        data: JSONBody[Reason] = NO_REASON,
    ) -> Response[JobView]:
        """Let a paused job fire again. Fires of the paused time are not made up for."""
        why = reason_of(data, reason)
        return await changed(
            lambda terms: jobs.resume(principal, job_key(job), why, terms),
            principal,
            reader,
            forecast,
            if_match=if_match,
            dry_run=dry_run,
        )

    @post("/disable", operation_id="disableJob", status_code=200, responses=problems(404, 409, 412, 415))
    async def disable(
        self,
        job: FromPath[str],
        principal: Injected[Principal],
        jobs: Injected[JobManagementService],
        reader: Injected[SchedulingReader],
        forecast: Injected[Forecast],
        if_match: IfMatch = None,
        dry_run: DryRun = False,
        reason: ReasonParameter = None,
        data: JSONBody[Reason] = NO_REASON,
    ) -> Response[JobView]:
        """Take it out of service, with a reason; it neither fires nor can be run until it is activated."""
        why = required_reason(data, reason)
        return await changed(
            lambda terms: jobs.disable(principal, job_key(job), why, terms),
            principal,
            reader,
            forecast,
            if_match=if_match,
            dry_run=dry_run,
        )

    @post(
        "/trigger", operation_id="triggerJob", opt={ONCE: True}, status_code=201, responses=problems(404, 409, 415, 422)
    )
    async def trigger(
        self,
        job: FromPath[str],
        principal: Injected[Principal],
        jobs: Injected[JobManagementService],
        reader: Injected[SchedulingReader],
        data: JSONBody[RunNow] = AS_DEFINED,
    ) -> Response[TaskView]:
        """Run it now. The answer is the task."""
        parameters = object_text(data.parameters, "/parameters")
        task_id = await jobs.run_now(principal, job_key(job), parameters, data.overlap)
        task = await reader.task(principal.tenant, task_id)
        return Response(task, status_code=201, headers={"Location": f"/api/v1/tasks/{task.id}"})
