"""Executors as operators see them."""

from typing import Annotated

from litestar import Controller, get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from application.scheduling.cluster_management import ClusterManagementService
from application.scheduling.queries import SchedulingReader, Slice
from application.scheduling.views import ExecutorView
from application.shared.page import Page
from application.shared.principal import Principal
from domain.scheduling.executor import ExecutorStatus
from domain.scheduling.ids import ExecutorId
from interfaces.rest.documented import problems
from interfaces.rest.injected import Injected
from interfaces.rest.parameters import Cursor, Limit, choices
from interfaces.rest.scheduling.reasons import NO_REASON, Reason, ReasonParameter, reason_of, required_reason


class ExecutorController(Controller):
    """What executors themselves call is in the executor API."""

    path = "/cluster/executors"
    tags = ("Cluster",)

    @get("/", operation_id="listExecutors", responses=problems())
    async def page(
        self,
        principal: Injected[Principal],
        reader: Injected[SchedulingReader],
        status: Annotated[str | None, QueryParameter(description="One or several, separated by commas.")] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[ExecutorView]:
        """By id."""
        statuses = choices("status", status, ExecutorStatus)
        return await reader.executors(principal.tenant, statuses, Slice(limit=limit, cursor=cursor))

    @get("/active", operation_id="listActiveExecutors", responses=problems())
    async def active(
        self,
        principal: Injected[Principal],
        reader: Injected[SchedulingReader],
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[ExecutorView]:
        """The executors that take tasks, by id."""
        online = (ExecutorStatus.ONLINE.value,)
        return await reader.executors(principal.tenant, online, Slice(limit=limit, cursor=cursor))

    @get("/{executor:str}", operation_id="getExecutor", responses=problems(404))
    async def one(
        self, executor: FromPath[str], principal: Injected[Principal], reader: Injected[SchedulingReader]
    ) -> ExecutorView:
        """An executor and its present session."""
        return await reader.executor(principal.tenant, executor)

    @post("/{executor:str}/drain", operation_id="drainExecutor", status_code=200, responses=problems(404, 409, 415))
    async def drain(
        self,
        executor: FromPath[str],
        principal: Injected[Principal],
        cluster: Injected[ClusterManagementService],
        reader: Injected[SchedulingReader],
        reason: ReasonParameter = None,
        data: JSONBody[Reason] = NO_REASON,
    ) -> ExecutorView:
        """Give it no new tasks; what it runs may finish."""
        await cluster.drain(principal, ExecutorId(executor), reason_of(data, reason))
        return await reader.executor(principal.tenant, executor)

    @post("/{executor:str}/activate", operation_id="activateExecutor", status_code=200, responses=problems(404, 409))
    async def activate(
        self,
        executor: FromPath[str],
        principal: Injected[Principal],
        cluster: Injected[ClusterManagementService],
        reader: Injected[SchedulingReader],
    ) -> ExecutorView:
        """Let it register again, or go on claiming."""
        await cluster.activate(principal, ExecutorId(executor))
        return await reader.executor(principal.tenant, executor)

    @post(
        "/{executor:str}/deactivate",
        operation_id="deactivateExecutor",
        status_code=200,
        responses=problems(404, 409, 415),
    )
    async def deactivate(
        self,
        executor: FromPath[str],
        principal: Injected[Principal],
        cluster: Injected[ClusterManagementService],
        reader: Injected[SchedulingReader],
        reason: ReasonParameter = None,
        data: JSONBody[Reason] = NO_REASON,
    ) -> ExecutorView:
        """End its session, requeue what it held, and refuse it until it is activated."""
        await cluster.deactivate(principal, ExecutorId(executor), required_reason(data, reason))
        return await reader.executor(principal.tenant, executor)
