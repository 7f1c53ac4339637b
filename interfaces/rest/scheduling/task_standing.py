"""How far the executor of a task has come, and what its next attempt shall go on from."""

from typing import Annotated

import msgspec
from litestar import Controller, post
from litestar.params import FromPath, JSONBody, QueryParameter

from application.scheduling.queries import SchedulingReader
from application.scheduling.task_control import TaskControlService
from application.scheduling.views import TaskView
from application.shared.principal import Principal
from domain.scheduling.report import Report, ReportKind
from interfaces.rest.bodies import Body
from interfaces.rest.documented import problems
from interfaces.rest.executor_api.report import LONGEST_PROGRESS, small_json
from interfaces.rest.executor_api.sessions import Name
from interfaces.rest.executor_api.wire import Token
from interfaces.rest.injected import Injected
from interfaces.rest.keys import task_id
from interfaces.rest.parameters import invalid
from interfaces.rest.scheduling.task_verbs import ExecutorParameter, TokenParameter, executor_of, token_of


class Progress(Body, frozen=True, kw_only=True):
    """`progress` from 0 to 1; `message`: what is being done."""

    executor_id: Name | None = None
    token: Token | None = None
    progress: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    message: Annotated[str, msgspec.Meta(max_length=LONGEST_PROGRESS, pattern=r"^[^\x00]*\Z")] | None = None


class Checkpoint(Body, frozen=True, kw_only=True):
    """`checkpoint`: any JSON."""

    executor_id: Name | None = None
    token: Token | None = None
    checkpoint: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)


NOTHING = Progress()


class TaskStandingController(Controller):
    """The answer is the task afterwards."""

    path = "/tasks/{task:str}"
    tags = ("Tasks",)

    @post("/progress", operation_id="reportProgress", status_code=200, responses=problems(404, 409, 415))
    async def progress(
        self,
        task: FromPath[str],
        principal: Injected[Principal],
        control: Injected[TaskControlService],
        reader: Injected[SchedulingReader],
        executor_id: ExecutorParameter = None,
        token: TokenParameter = None,
        progress: Annotated[float | None, QueryParameter(ge=0, le=1, description="From 0 to 1.")] = None,
        message: Annotated[
            str | None, QueryParameter(max_length=LONGEST_PROGRESS, description="What is being done.")
        ] = None,
        data: JSONBody[Progress] = NOTHING,
    ) -> TaskView:
        """Tell how far it has come, and what is being done; without a message the one before is gone."""
        if progress is not None and data.progress not in (None, progress):
            raise invalid("progress", f"it is {progress} here and {data.progress} in the body")
        come = data.progress if progress is None else progress
        if come is None:
            raise invalid("progress", "say how far, in the body or as this parameter")
        report = Report(
            task_id=task_id(task),
            token=token_of(data.token, token),
            kind=ReportKind.PROGRESS,
            progress=come,
            message=data.message if message is None else message,
        )
        await control.report(principal, executor_of(data.executor_id, executor_id), report)
        return await reader.task(principal.tenant, report.task_id)

    @post("/checkpoint", operation_id="saveCheckpoint", status_code=200, responses=problems(404, 409, 413, 415, 422))
    async def checkpoint(
        self,
        task: FromPath[str],
        data: JSONBody[Checkpoint],
        principal: Injected[Principal],
        control: Injected[TaskControlService],
        reader: Injected[SchedulingReader],
        executor_id: ExecutorParameter = None,
        token: TokenParameter = None,
    ) -> TaskView:
        """Keep what the next attempt shall go on from, should this one end without success."""
        saved = small_json("checkpoint", data.checkpoint)
        if saved is None:
            raise invalid("checkpoint", "the body has none")
        report = Report(
            task_id=task_id(task), token=token_of(data.token, token), kind=ReportKind.CHECKPOINT, checkpoint=saved
        )
        await control.report(principal, executor_of(data.executor_id, executor_id), report)
        return await reader.task(principal.tenant, report.task_id)
