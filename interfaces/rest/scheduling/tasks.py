"""Tasks: asked for, found, cancelled, their logs read and followed."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Request, Response, get, post
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.response import Stream

from application.scheduling.queries import SchedulingReader, Slice, TaskFilter
from application.scheduling.task_control import TaskControlService
from application.scheduling.task_execution import TaskExecutionService
from application.scheduling.views import AttemptView, LogLineView, OrphanView, TaskView
from application.shared.draining import Draining
from application.shared.page import Page
from application.shared.principal import Principal
from application.shared.wake_up import WakeUp
from domain.scheduling.task_status import TaskStatus
from interfaces.rest.bodies import Body
from interfaces.rest.documented import also, problems
from interfaces.rest.hang_up import unless_hung_up
from interfaces.rest.idempotency import ONCE
from interfaces.rest.injected import Injected
from interfaces.rest.keys import job_key, task_id
from interfaces.rest.openapi.document import STREAM
from interfaces.rest.parameters import Cursor, Limit, choices
from interfaces.rest.scheduling.log_stream import NDJSON, FollowedLine, LogLevel, LogStream
from interfaces.rest.scheduling.reasons import (
    NO_REASON,
    PLAIN_RETRY,
    Reason,
    ReasonParameter,
    Retry,
    either,
    reason_of,
)
from interfaces.rest.scheduling.submission import Submission, rerun, submit
from interfaces.rest.scheduling.task_waiting import Prefer, WaitForParameter, ended, seconds_of


class Attempts(Body, frozen=True, kw_only=True):
    """Oldest first; the last one has no end while it runs."""

    items: Sequence[AttemptView]
    next_cursor: str | None = None


class Orphans(Body, frozen=True, kw_only=True):
    """Of the oldest lease first."""

    items: Sequence[OrphanView]
    next_cursor: str | None = None


class TaskController(Controller):
    """Live tasks and history as one."""

    path = "/tasks"
    tags = ("Tasks",)

    @post(
        "/", operation_id="createTask", opt={ONCE: True}, responses=also(TaskView) | problems(404, 409, 413, 415, 422)
    )
    async def create(
        self,
        data: JSONBody[Submission],
        principal: Injected[Principal],
        tasks: Injected[TaskExecutionService],
        reader: Injected[SchedulingReader],
    ) -> Response[TaskView]:
        """Ask for a task directly. It neither obeys nor counts for overlap, and the ledger knows nothing of it.

        With a `uniqueKey` that a live task has, the answer is that task, with status 200.
        """
        submitted = await submit(principal, tasks, data)
        task = await reader.task(principal.tenant, submitted.task_id)
        status = 201 if submitted.is_new else 200
        return Response(task, status_code=status, headers={"Location": f"/api/v1/tasks/{task.id}"})

    @get("/", operation_id="listTasks", responses=problems(404))
    async def page(
        self,
        principal: Injected[Principal],
        reader: Injected[SchedulingReader],
        job_id: Annotated[str | None, QueryParameter(name="jobId", description="A job's id or name.")] = None,
        status: Annotated[str | None, QueryParameter(description="One or several, separated by commas.")] = None,
        fingerprint: Annotated[str | None, QueryParameter(description="Those that failed alike.")] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[TaskView]:
        """Newest first."""
        statuses = choices("status", status, TaskStatus)
        job: UUID | str | None = None if job_id is None else job_key(job_id)
        if isinstance(job, str):
            job = (await reader.job(principal.tenant, job)).id
        where = TaskFilter(job_id=job, statuses=statuses, fingerprint=fingerprint)
        return await reader.tasks(principal.tenant, where, Slice(limit=limit, cursor=cursor))

    @get("/{task:str}", operation_id="getTask", responses=problems(404))
    async def one(
        self,
        request: Request[Any, Any, Any],
        task: FromPath[str],
        principal: Injected[Principal],
        reader: Injected[SchedulingReader],
        wake_up: Injected[WakeUp],
        draining: Injected[Draining],
        wait_for: WaitForParameter = None,
        prefer: Prefer = None,
    ) -> Response[TaskView]:
        """A task, live or from history. With `waitFor` once it has ended, or as it is when the wait is over."""
        id_ = task_id(task)
        if wait_for is None:
            return Response(await reader.task(principal.tenant, id_))
        seconds = seconds_of(prefer)
        waited = await unless_hung_up(request, ended(reader, wake_up, draining, principal.tenant, id_, seconds))
        found = waited or await reader.task(principal.tenant, id_)
        return Response(found, headers={"Preference-Applied": f"wait={seconds}"})

    @get("/{task:str}/attempts", operation_id="listAttempts", responses=problems(404))
    async def attempts(
        self, task: FromPath[str], principal: Injected[Principal], reader: Injected[SchedulingReader]
    ) -> Attempts:
        """Every try of a task."""
        return Attempts(items=await reader.attempts(principal.tenant, task_id(task)))

    @get("/{task:str}/orphans", operation_id="listOrphans", responses=problems(404))
    async def orphans(
        self, task: FromPath[str], principal: Injected[Principal], reader: Injected[SchedulingReader]
    ) -> Orphans:
        """What executors reported that had lost the lease of the task: kept to be seen, it has changed nothing."""
        return Orphans(items=await reader.orphans(principal.tenant, task_id(task)))

    @get("/{task:str}/logs", operation_id="readLog", opt={STREAM: (NDJSON, FollowedLine)}, responses=problems(404))
    async def logs(
        self,
        task: FromPath[str],
        principal: Injected[Principal],
        reader: Injected[SchedulingReader],
        wake_up: Injected[WakeUp],
        draining: Injected[Draining],
        level: Annotated[str | None, QueryParameter(description="One or several, separated by commas.")] = None,
        follow: Annotated[
            bool, QueryParameter(description="Stream the log as NDJSON, one line an object, until the task has ended.")
        ] = False,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response[Page[LogLineView]]:
        """The lines that a task has written, in order. A follower that was cut off goes on after the last `cursor`."""
        id_, levels = task_id(task), choices("level", level, LogLevel)
        if follow:
            stream = LogStream(reader, wake_up, draining, principal.tenant, id_, levels)
            return Stream(await stream.open(cursor), media_type=NDJSON)  # type: ignore[return-value]  # what is described is the page
        page = await reader.log(principal.tenant, id_, levels, Slice(limit=limit, cursor=cursor))
        more = len(page.items) == limit
        return Response(Page(items=page.items, next_cursor=page.next_cursor if more else None))

    @post("/{task:str}/cancel", operation_id="cancelTask", status_code=200, responses=problems(404, 409, 415))
    async def cancel(
        self,
        task: FromPath[str],
        principal: Injected[Principal],
        tasks: Injected[TaskExecutionService],
        reader: Injected[SchedulingReader],
        reason: ReasonParameter = None,
        data: JSONBody[Reason] = NO_REASON,
    ) -> TaskView:
        """End it. A running one is told to stop at once; `stopping` is true until its executor has let go."""
        id_ = task_id(task)
        await tasks.cancel(principal, id_, reason_of(data, reason))
        return await reader.task(principal.tenant, id_)

    @post("/{task:str}/retry", operation_id="retryTask", status_code=200, responses=problems(404, 409, 415))
    async def retry(
        self,
        task: FromPath[str],
        principal: Injected[Principal],
        control: Injected[TaskControlService],
        reader: Injected[SchedulingReader],
        reason: ReasonParameter = None,
        downstream: Annotated[
            bool, QueryParameter(description="Let what did not run because of it wait for it again.")
        ] = False,
        data: JSONBody[Retry] = PLAIN_RETRY,
    ) -> TaskView:
        """Try a task that ended without success once more, at once. It stays the same task, its attempts are kept.

        With `downstream`, tasks that were skipped because of how it had ended wait for it again, and so does what was
        skipped because of those.
        """
        id_ = task_id(task)
        why = either("reason", data.reason, reason)
        await control.retry(principal, id_, why, downstream=downstream or data.downstream)
        return await reader.task(principal.tenant, id_)

    @post(
        "/{task:str}/rerun",
        operation_id="rerunTask",
        opt={ONCE: True},
        status_code=201,
        responses=problems(404, 409, 422),
    )
    async def again(
        self,
        task: FromPath[str],
        principal: Injected[Principal],
        tasks: Injected[TaskExecutionService],
        reader: Injected[SchedulingReader],
    ) -> Response[TaskView]:
        """Ask for a new task of the same job with the same parameters."""
        new = await reader.task(principal.tenant, await rerun(principal, tasks, reader, task_id(task)))
        return Response(new, status_code=201, headers={"Location": f"/api/v1/tasks/{new.id}"})
