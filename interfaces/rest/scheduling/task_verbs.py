"""What an executor may say about a single task that it holds, and giving a task to an executor by name."""

from typing import Annotated, Self

import msgspec
from litestar import Controller, post
from litestar.params import FromPath, JSONBody, QueryParameter

from application.scheduling.queries import SchedulingReader
from application.scheduling.task_control import TaskControlService
from application.scheduling.views import TaskView
from application.shared.principal import Principal
from domain.scheduling.ids import ExecutorId
from domain.scheduling.report import Report, ReportKind
from domain.scheduling.task import TaskError
from interfaces.rest.bodies import Body, TextBody
from interfaces.rest.documented import problems
from interfaces.rest.executor_api.report import (
    LARGEST_LINE,
    ReportedError,
    kept_error,
    refuse_long_line,
    small_json,
)
from interfaces.rest.executor_api.sessions import Name
from interfaces.rest.executor_api.wire import Token
from interfaces.rest.injected import Injected
from interfaces.rest.keys import task_id
from interfaces.rest.parameters import choice, invalid
from interfaces.rest.scheduling.log_stream import LogLevel
from interfaces.rest.scheduling.reasons import either

FAILED = "FAILED"
"""The code of a failure that was told in words only."""

ExecutorParameter = Annotated[
    str | None, QueryParameter(name="executorId", description="The executor; it may stand in the body instead.")
]
TokenParameter = Annotated[
    int | None,
    QueryParameter(ge=0, le=2**63 - 1, description="If given, it must be that of the present attempt."),
]


class Holder(Body, frozen=True, kw_only=True):
    """The executor, and the token of its attempt; without a token it means the attempt that it holds."""

    executor_id: Name | None = None
    token: Token | None = None


class Completion(TextBody, frozen=True, kw_only=True):
    """`result` is any JSON; a plain text is a result, too."""

    executor_id: Name | None = None
    token: Token | None = None
    result: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)

    @classmethod
    def of_text(cls, text: str) -> Self:
        return cls(result=msgspec.Raw(msgspec.json.encode(text)) if text else msgspec.Raw())


class Failure(TextBody, frozen=True, kw_only=True):
    """`error` says why; a plain text is its message."""

    executor_id: Name | None = None
    token: Token | None = None
    error: ReportedError | None = None
    retryable: bool = True

    @classmethod
    def of_text(cls, text: str) -> Self:
        return cls(error=ReportedError(code=FAILED, message=text) if text else None)


class LogEntry(Body, frozen=True, kw_only=True):
    """A line of the log, at the server's time; `logLevel` INFO unless given."""

    executor_id: Name | None = None
    token: Token | None = None
    log_level: str | None = None
    message: str | None = None


NOBODY, NO_RESULT, NO_ERROR, NO_LINE = Holder(), Completion(), Failure(), LogEntry()


class TaskVerbController(Controller):
    """The answer is the task afterwards. Repeating what has taken effect changes nothing."""

    path = "/tasks/{task:str}"
    tags = ("Tasks",)

    @post("/assign", operation_id="assignTask", status_code=200, responses=problems(404, 409, 415))
    async def assign(
        self,
        task: FromPath[str],
        principal: Injected[Principal],
        control: Injected[TaskControlService],
        reader: Injected[SchedulingReader],
        executor_id: ExecutorParameter = None,
        data: JSONBody[Holder] = NOBODY,
    ) -> TaskView:
        """Give a waiting task to an executor. Its next claim brings it before all others, even before its time."""
        id_ = task_id(task)
        await control.assign(principal, id_, executor_of(data.executor_id, executor_id))
        return await reader.task(principal.tenant, id_)

    @post("/start", operation_id="startTask", status_code=200, responses=problems(404, 409, 415))
    async def start(
        self,
        task: FromPath[str],
        principal: Injected[Principal],
        control: Injected[TaskControlService],
        reader: Injected[SchedulingReader],
        executor_id: ExecutorParameter = None,
        token: TokenParameter = None,
        data: JSONBody[Holder] = NOBODY,
    ) -> TaskView:
        """The executor that holds the task begins with it."""
        report = Report(task_id=task_id(task), token=token_of(data.token, token), kind=ReportKind.START)
        await control.report(principal, executor_of(data.executor_id, executor_id), report)
        return await reader.task(principal.tenant, report.task_id)

    @post("/complete", operation_id="completeTask", status_code=200, responses=problems(404, 409, 413, 415, 422))
    async def complete(
        self,
        task: FromPath[str],
        principal: Injected[Principal],
        control: Injected[TaskControlService],
        reader: Injected[SchedulingReader],
        executor_id: ExecutorParameter = None,
        token: TokenParameter = None,
        data: JSONBody[Completion] = NO_RESULT,
    ) -> TaskView:
        """The task has succeeded. The body is JSON with a `result`, or the result as plain text."""
        result = small_json("result", data.result)
        report = Report(
            task_id=task_id(task),
            token=token_of(data.token, token),
            kind=ReportKind.COMPLETE,
            result=None if result == "null" else result,
        )
        await control.report(principal, executor_of(data.executor_id, executor_id), report)
        return await reader.task(principal.tenant, report.task_id)

    @post("/fail", operation_id="failTask", status_code=200, responses=problems(404, 409, 413, 415))
    async def fail(
        self,
        task: FromPath[str],
        principal: Injected[Principal],
        control: Injected[TaskControlService],
        reader: Injected[SchedulingReader],
        executor_id: ExecutorParameter = None,
        token: TokenParameter = None,
        data: JSONBody[Failure] = NO_ERROR,
    ) -> TaskView:
        """The attempt has failed; the job's retry policy says what follows. The body may be plain text: why."""
        error: TaskError | None = kept_error(data.error)
        report = Report(
            task_id=task_id(task),
            token=token_of(data.token, token),
            kind=ReportKind.FAIL,
            error=error,
            retryable=data.retryable,
        )
        await control.report(principal, executor_of(data.executor_id, executor_id), report)
        return await reader.task(principal.tenant, report.task_id)

    @post("/log", operation_id="logTask", status_code=200, responses=problems(404, 409, 413, 415, 422))
    async def log(
        self,
        task: FromPath[str],
        principal: Injected[Principal],
        control: Injected[TaskControlService],
        reader: Injected[SchedulingReader],
        executor_id: ExecutorParameter = None,
        token: TokenParameter = None,
        log_level: Annotated[
            str | None, QueryParameter(name="logLevel", description="DEBUG, INFO, WARN or ERROR.")
        ] = None,
        message: Annotated[str | None, QueryParameter(max_length=LARGEST_LINE, description="The line.")] = None,
        data: JSONBody[LogEntry] = NO_LINE,
    ) -> TaskView:
        """Add a line to the task's log."""
        id_, said = task_id(task), either("message", data.message, message)
        if said is None:
            raise invalid("message", "say something, in the body or as this parameter")
        refuse_long_line(said, "/message")
        level = choice("logLevel", either("logLevel", data.log_level, log_level) or LogLevel.INFO, LogLevel)
        executor, held = executor_of(data.executor_id, executor_id), token_of(data.token, token)
        await control.log(principal, executor, id_, held, level, said)
        return await reader.task(principal.tenant, id_)


def executor_of(in_body: str | None, in_query: str | None) -> ExecutorId:
    """Who speaks."""
    if not (executor_id := either("executorId", in_body, in_query)):
        raise invalid("executorId", "name the executor, in the body or as this parameter")
    return ExecutorId(executor_id)


def token_of(in_body: int | None, in_query: int | None) -> int:
    """0 = that of the attempt it holds."""
    if in_body is not None and in_query is not None and in_body != in_query:
        raise invalid("token", f"it is {in_query} here and {in_body} in the body")
    return in_body or in_query or 0
