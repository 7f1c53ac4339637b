"""Who holds what, and who is silent."""

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from application.scheduling.queries import SchedulingReader
from application.scheduling.reaper import Reaper
from application.shared.principal import Principal
from domain.scheduling.errors import TaskNotHeld
from domain.scheduling.task_status import HELD
from interfaces.rest.bodies import Body
from interfaces.rest.documented import problems
from interfaces.rest.injected import Injected
from interfaces.rest.keys import task_id
from interfaces.rest.parameters import invalid

LONGEST_SECONDS = 366 * 86_400

Seconds = Annotated[int, msgspec.Meta(ge=1, le=LONGEST_SECONDS)]


class HolderView(Body, frozen=True, kw_only=True):
    """Who holds a task, under which token and since when."""

    task_id: UUID
    executor_id: str
    token: int
    attempt: int
    claimed_at: datetime | None
    stopping: bool


class Detection(Body, frozen=True, kw_only=True):
    """How long an executor may be silent; the configured timeout unless given."""

    timeout_seconds: Seconds | None = None


class Detected(Body, frozen=True, kw_only=True):
    """How many executors were found to have failed."""

    count: int


AS_CONFIGURED = Detection()


class ClusterController(Controller):
    """What concerns all executors."""

    path = "/cluster"
    tags = ("Cluster",)

    @get("/tasks/{task:str}/executor", operation_id="executorOfTask", responses=problems(404))
    async def holder(
        self, task: FromPath[str], principal: Injected[Principal], reader: Injected[SchedulingReader]
    ) -> HolderView:
        """The executor that holds a task now."""
        found = await reader.task(principal.tenant, task_id(task))
        if found.executor_id is None or found.token is None or not (found.status in HELD or found.stopping):
            raise TaskNotHeld(found.id, found.status)
        return HolderView(
            task_id=found.id,
            executor_id=found.executor_id,
            token=found.token,
            attempt=found.attempt,
            claimed_at=found.claimed_at,
            stopping=found.stopping,
        )

    @post(
        "/maintenance/detect-failed-executors",
        operation_id="detectFailedExecutors",
        status_code=200,
        responses=problems(415, 422),
    )
    async def detect(
        self,
        reaper: Injected[Reaper],
        timeout_seconds: Annotated[
            int | None,
            QueryParameter(name="timeoutSeconds", ge=1, le=LONGEST_SECONDS, description="At least the configured one."),
        ] = None,
        data: JSONBody[Detection] = AS_CONFIGURED,
    ) -> Detected:
        """End the sessions of executors that have been silent for too long, now instead of within seconds."""
        if timeout_seconds is not None and data.timeout_seconds not in (None, timeout_seconds):
            raise invalid("timeoutSeconds", f"it is {timeout_seconds} here and {data.timeout_seconds} in the body")
        seconds = timeout_seconds or data.timeout_seconds
        return Detected(count=await reaper.end_silent(None if seconds is None else timedelta(seconds=seconds)))
