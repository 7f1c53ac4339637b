"""The platform's own upkeep: how each operation stands, what its executions did, and the hand on its switch."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated

import msgspec
from litestar import Controller, Response, get, patch, post
from litestar.params import FromPath, JSONBody, QueryParameter

from application.operations.operation_control import OperationControl
from application.operations.ports import OperationsReader
from application.operations.views import ExecutionView, OperationView
from application.shared.page import Page
from application.shared.principal import Principal
from domain.operations.execution import ExecutionStatus
from domain.shared.errors import Invalid
from domain.timing.duration import parse_duration
from interfaces.rest.bodies import Body
from interfaces.rest.documented import problems
from interfaces.rest.injected import Injected
from interfaces.rest.keys import execution_id
from interfaces.rest.parameters import Cursor, Limit, choices
from interfaces.rest.scheduling.reasons import NO_REASON, Reason, ReasonParameter, reason_of

StatusFilter = Annotated[str | None, QueryParameter(description="One or several, separated by commas.")]


class OperationsView(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """All of them, by name."""

    items: Sequence[OperationView]
    next_cursor: str | None = None


class IntervalChange(Body, frozen=True, kw_only=True):
    """`every`: from the end of one execution to the start of the next; null is the interval that was shipped."""

    every: Annotated[str, msgspec.Meta(min_length=1, max_length=64, examples=["PT5M"])] | None


class OperationController(Controller):
    """Operations are the platform's, not a tenant's. Each runs on one node at a time; the nodes share them."""

    path = "/operations"
    tags = ("Operations",)

    @get("/", operation_id="listOperations", responses=problems())
    async def all(self, operations: Injected[OperationControl]) -> OperationsView:
        """What the platform does for its own upkeep, when it does it next, and how that went the last time."""
        return OperationsView(items=await operations.all())

    @get("/{operation:str}", operation_id="getOperation", responses=problems(404))
    async def one(self, operation: FromPath[str], operations: Injected[OperationControl]) -> OperationView:
        """One of them."""
        return await operations.one(operation)

    @get("/{operation:str}/executions", operation_id="listOperationExecutions", responses=problems(404))
    async def of_one(
        self,
        operation: FromPath[str],
        operations: Injected[OperationControl],
        operations_reader: Injected[OperationsReader],
        status: StatusFilter = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[ExecutionView]:
        """What it did, the newest first."""
        name = (await operations.one(operation)).name
        return await operations_reader.executions(name, choices("status", status, ExecutionStatus), limit, cursor)

    @patch("/{operation:str}", operation_id="patchOperation", responses=problems(404, 413, 415, 422))
    async def change(
        self, operation: FromPath[str], data: JSONBody[IntervalChange], operations: Injected[OperationControl]
    ) -> OperationView:
        """Do it at another interval, on every node from now on."""
        return await operations.change_interval(operation, None if data.every is None else _interval(data.every))

    @post("/{operation:str}/run", operation_id="runOperation", status_code=202, responses=problems(404))
    async def run(
        self, operation: FromPath[str], principal: Injected[Principal], operations: Injected[OperationControl]
    ) -> Response[ExecutionView]:
        """Do it now, also while it is paused. The answer is the execution to follow; it begins on any node.

        One that is asked for already and has not begun is not asked for twice.
        """
        view = await operations.run(principal, operation)
        location = f"/api/v1/operations/executions/{view.id}"
        return Response(view, status_code=202, headers={"Location": location})

    @post("/{operation:str}/pause", operation_id="pauseOperation", status_code=200, responses=problems(404, 415))
    async def pause(
        self,
        operation: FromPath[str],
        principal: Injected[Principal],
        operations: Injected[OperationControl],
        reason: ReasonParameter = None,
        data: JSONBody[Reason] = NO_REASON,
    ) -> OperationView:
        """Do it no more until it is resumed, but when somebody asks for it. What runs goes on."""
        return await operations.pause(principal, operation, reason_of(data, reason))

    @post("/{operation:str}/resume", operation_id="resumeOperation", status_code=200, responses=problems(404))
    async def resume(self, operation: FromPath[str], operations: Injected[OperationControl]) -> OperationView:
        """Do it again; at once, if it was due meanwhile."""
        return await operations.resume(operation)


class ExecutionController(Controller):
    """Executions of all operations."""

    path = "/operations/executions"
    tags = ("Operations",)

    @get("/", operation_id="listExecutions", responses=problems())
    async def page(
        self,
        operations_reader: Injected[OperationsReader],
        status: StatusFilter = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[ExecutionView]:
        """What operations did, the newest first."""
        return await operations_reader.executions(None, choices("status", status, ExecutionStatus), limit, cursor)

    @get("/{execution:str}", operation_id="getExecution", responses=problems(404))
    async def one(self, execution: FromPath[str], operations_reader: Injected[OperationsReader]) -> ExecutionView:
        """One execution, also while it waits or runs."""
        return await operations_reader.execution(execution_id(execution))


def _interval(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except Invalid as refusal:
        raise refusal.under("/every") from None


OPERATIONS = (OperationController, ExecutionController)
