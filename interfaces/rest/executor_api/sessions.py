"""Sessions of executors: begun by registering, kept alive by beats, ended by leaving."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from urllib.parse import quote
from uuid import UUID

import msgspec
from litestar import Response, post
from litestar.params import FromPath, JSONBody

from application.scheduling.cluster_management import ClusterManagementService
from application.shared.principal import Principal
from domain.scheduling.executor import HostInfo
from domain.scheduling.ids import ExecutorId, TaskId
from domain.scheduling.placement import DEFAULT_POOL, Capability
from interfaces.rest.access import QUIET
from interfaces.rest.bodies import LARGEST_BATCH, Body
from interfaces.rest.documented import problems
from interfaces.rest.executor_api.wire import Epoch, LeaseView, StopOrderView
from interfaces.rest.injected import Injected

MINIMUM_CLIENT_VERSION = "0.1.0"
"""The oldest worker that understands this server."""

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f/]+\Z")]
Label = Annotated[str, msgspec.Meta(max_length=256)]
Names = Annotated[list[Name], msgspec.Meta(max_length=10_000)]


class Registration(Body, frozen=True, kw_only=True):
    """An executor introduces itself.

    `instanceId` is random and new with every start of its process; `executorId` is its own choice, and lasts, or is
    made here. Without `maxConcurrentTasks` it takes as many as the server's settings say.
    """

    instance_id: UUID
    host: Annotated[str, msgspec.Meta(max_length=256, pattern=r"^[^\x00]*\Z")]
    version: Annotated[str, msgspec.Meta(max_length=128, pattern=r"^[^\x00]*\Z")]
    types: Names
    executor_id: Name | None = None
    pool: Name = DEFAULT_POOL
    labels: Annotated[dict[Name, Label], msgspec.Meta(max_length=64)] = msgspec.field(default_factory=dict)
    max_concurrent_tasks: int | None = None
    handlers: Names = msgspec.field(default_factory=list)


class RegisteredView(Body, frozen=True, kw_only=True):
    """The session: name its epoch in every call."""

    executor_id: str
    epoch: int
    heartbeat_interval_seconds: float
    heartbeat_timeout_seconds: float


class Heartbeat(Body, frozen=True, kw_only=True):
    """`running`: all that the executor holds, whether it has begun or not. `sentAt` and `load` are for people."""

    epoch: Epoch
    running: list[LeaseView]
    sent_at: datetime | None = None
    load: dict[str, float] | None = None


class HeartbeatAnswer(Body, frozen=True, kw_only=True):
    """`cancel`: stop these. `lost`: these are not yours any more. `drain`: claim nothing new."""

    server_time: datetime
    cancel: Sequence[StopOrderView]
    lost: Sequence[LeaseView]
    drain: bool
    minimum_client_version: str = MINIMUM_CLIENT_VERSION


class Leave(Body, frozen=True, kw_only=True):
    """The session that ends."""

    epoch: Epoch


class Left(Body, frozen=True, kw_only=True):
    """Gone."""

    executor_id: str


@post("/cluster/executors", operation_id="registerExecutor", tags=["Executors"], responses=problems(409, 413, 415, 422))
async def register(
    data: JSONBody[Registration],
    principal: Injected[Principal],
    cluster: Injected[ClusterManagementService],
    default_slots: Injected[int],
) -> Response[RegisteredView]:
    """Begin a session. A repeated call keeps it; another instance under the same id ends the one before."""
    registered = await cluster.register(
        principal,
        None if data.executor_id is None else ExecutorId(data.executor_id),
        data.instance_id,
        HostInfo(host=data.host, version=data.version),
        Capability(
            pool=data.pool,
            labels=data.labels,
            types=frozenset(data.types),
            handlers=frozenset(data.handlers),
            slots=default_slots if data.max_concurrent_tasks is None else data.max_concurrent_tasks,
        ),
    )
    view = RegisteredView(
        executor_id=registered.executor_id,
        epoch=registered.epoch,
        heartbeat_interval_seconds=registered.liveness.interval.total_seconds(),
        heartbeat_timeout_seconds=registered.liveness.timeout.total_seconds(),
    )
    return Response(view, status_code=201, headers={"Location": f"/api/v1/cluster/executors/{quote(view.executor_id)}"})


@post(
    "/heartbeat",
    operation_id="heartbeat",
    status_code=200,
    request_max_body_size=LARGEST_BATCH,
    opt={QUIET: True},
    responses=problems(409, 413, 415),
)
async def heartbeat(
    executor: FromPath[str],
    data: JSONBody[Heartbeat],
    principal: Injected[Principal],
    cluster: Injected[ClusterManagementService],
) -> HeartbeatAnswer:
    """A sign of life, every `heartbeatIntervalSeconds`."""
    running = [(TaskId(lease.task_id), lease.token) for lease in data.running]
    beat = await cluster.heartbeat(principal, ExecutorId(executor), data.epoch, running, _aware(data.sent_at))
    return HeartbeatAnswer(
        server_time=beat.now,
        cancel=StopOrderView.of(beat.stop),
        lost=[LeaseView(task_id=task_id, token=token) for task_id, token in beat.lost],
        drain=beat.drain,
    )


def _aware(sent_at: datetime | None) -> datetime | None:
    """A time without an offset says nothing of a clock."""
    return None if sent_at is None or sent_at.tzinfo is None else sent_at


@post("/leave", operation_id="leave", status_code=200, responses=problems(409, 415))
async def leave(
    executor: FromPath[str],
    data: JSONBody[Leave],
    principal: Injected[Principal],
    cluster: Injected[ClusterManagementService],
) -> Left:
    """End the session; what it still held is requeued at once."""
    await cluster.leave(principal, ExecutorId(executor), data.epoch)
    return Left(executor_id=executor)
