"""Lists of tasks with a path of their own."""

from typing import Annotated
from uuid import UUID

from litestar import Controller, get
from litestar.params import FromPath, QueryParameter

from application.scheduling.queries import SchedulingReader, Slice, TaskFilter
from application.scheduling.views import TaskView
from application.shared.page import Page
from application.shared.principal import Principal
from domain.scheduling.task_status import TaskStatus
from interfaces.rest.documented import problems
from interfaces.rest.injected import Injected
from interfaces.rest.keys import job_key
from interfaces.rest.parameters import Cursor, Limit, choices, instant_of
from interfaces.rest.scheduling.reasons import either

From = Annotated[str | None, QueryParameter(name="from", description="Scheduled not before this instant.")]
To = Annotated[str | None, QueryParameter(name="to", description="Scheduled before this instant.")]
StartTime = Annotated[str | None, QueryParameter(name="startTime", description="The same as `from`.")]
EndTime = Annotated[str | None, QueryParameter(name="endTime", description="The same as `to`.")]


class TaskListController(Controller):
    """Live tasks and history as one; newest first, where nothing else is said."""

    path = "/tasks"
    tags = ("Tasks",)

    @get("/scheduled", operation_id="listScheduledTasks", responses=problems())
    async def scheduled(
        self,
        principal: Injected[Principal],
        reader: Injected[SchedulingReader],
        since: From = None,
        until: To = None,
        start_time: StartTime = None,
        end_time: EndTime = None,
        status: Annotated[str | None, QueryParameter(description="One or several, separated by commas.")] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[TaskView]:
        """The tasks that are scheduled for a span of time, past or future; those scheduled last come first."""
        where = TaskFilter(
            since=instant_of("from", either("from", start_time, since)),
            until=instant_of("to", either("to", end_time, until)),
            statuses=choices("status", status, TaskStatus),
            by_time=True,
        )
        return await reader.tasks(principal.tenant, where, Slice(limit=limit, cursor=cursor))

    @get("/job/{job:str}", operation_id="listTasksOfJob", responses=problems(404))
    async def of_job(
        self,
        job: FromPath[str],
        principal: Injected[Principal],
        reader: Injected[SchedulingReader],
        status: Annotated[str | None, QueryParameter(description="One or several, separated by commas.")] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[TaskView]:
        """The tasks of a job, by its id or name."""
        id_: UUID = (await reader.job(principal.tenant, job_key(job))).id
        where = TaskFilter(job_id=id_, statuses=choices("status", status, TaskStatus))
        return await reader.tasks(principal.tenant, where, Slice(limit=limit, cursor=cursor))

    @get("/status/{status:str}", operation_id="listTasksByStatus", responses=problems())
    async def by_status(
        self,
        status: FromPath[str],
        principal: Injected[Principal],
        reader: Injected[SchedulingReader],
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[TaskView]:
        """The tasks that are in a state, or in one of several, separated by commas."""
        where = TaskFilter(statuses=choices("status", status.upper(), TaskStatus))
        return await reader.tasks(principal.tenant, where, Slice(limit=limit, cursor=cursor))
