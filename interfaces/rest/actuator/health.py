"""Whether this node lives, is ready, and all its parts work; in Spring Boot's shape."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from http import HTTPStatus

import msgspec
from litestar import Controller, Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from msgspec import UNSET, UnsetType

from application.shared.draining import Draining
from interfaces.loops.looper import Looper
from interfaces.rest.access import QUIET
from interfaces.rest.documented import problems
from interfaces.rest.injected import Injected

PATIENCE_SECONDS = 2.0
"""Probes have little patience themselves: what has not answered by then counts as down."""

LOOP_PATIENCE_SECONDS = 30.0
"""How long a loop may owe a tick: more than its longest pause after a failure, and than any tick should take."""

REDIS = "redis"

logger = logging.getLogger(__name__)


class Status(StrEnum):
    """The worst first: of several, the first one that is among them stands for all."""

    DOWN = "DOWN"
    OUT_OF_SERVICE = "OUT_OF_SERVICE"
    UP = "UP"
    UNKNOWN = "UNKNOWN"


class Component(msgspec.Struct, frozen=True):
    """A part of this node. `details` hold nothing that strangers may not know; why it is down is in the log."""

    status: Status
    details: Mapping[str, str | float] | UnsetType = UNSET


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """The worst of its components."""

    status: Status
    components: Mapping[str, Component] | UnsetType = UNSET
    groups: Sequence[str] | UnsetType = UNSET


Check = Callable[[], Awaitable[Component]]
"""Looks at a part; if it raises, or takes too long, the part is down."""


def check_of_store(
    ping: Callable[[], Awaitable[None]], refuses_writes: Callable[[], Awaitable[bool]], dialect: str
) -> Check:
    """The database answers, and takes what is written."""

    async def check() -> Component:
        await ping()
        status = Status.OUT_OF_SERVICE if await refuses_writes() else Status.UP
        return Component(status, {"database": dialect})

    return check


def check_of_loop(loop: Looper) -> Check:
    """A loop that runs owes a tick now and then. One that was not started says nothing of itself."""

    async def check() -> Component:
        overdue = loop.overdue_seconds
        if overdue is None:
            return Component(Status.UNKNOWN)
        if overdue > LOOP_PATIENCE_SECONDS:
            return Component(Status.DOWN, {"overdueSeconds": round(overdue, 1)})
        return Component(Status.UP)

    return check


class HealthController(Controller):
    """Answers 503 for what is DOWN or OUT_OF_SERVICE."""

    path = "/actuator/health"
    tags = ("Actuator",)
    opt = {QUIET: True}

    @get("/", operation_id="health", responses=problems())
    async def health(self, checks: Injected[Mapping[str, Check]]) -> Response[Health]:
        """The parts of this node, and what they amount to."""
        return _answer(await _ask(checks), groups=("liveness", "readiness"))

    @get("/liveness", operation_id="liveness", responses=problems())
    async def liveness(self) -> Response[Health]:
        """Whether the process can answer at all: if not, start it anew. It asks nobody else."""
        return _answer({"livenessState": Component(Status.UP)})

    @get("/readiness", operation_id="readiness", responses=problems())
    async def readiness(self, checks: Injected[Mapping[str, Check]], draining: Injected[Draining]) -> Response[Health]:
        """Whether to send it requests: not while it drains, its database is away or takes no writes, or its Redis is
        wrong.
        """
        accepts = Component(Status.OUT_OF_SERVICE if draining.is_on else Status.UP)
        found = await _ask({name: checks[name] for name in ("db", REDIS) if name in checks})
        if REDIS in found and found[REDIS].status is not Status.OUT_OF_SERVICE:
            del found[REDIS]  # a node goes on without it
        return _answer({"readinessState": accepts, **found})

    @get("/{component:str}", operation_id="componentHealth", responses=problems(404))
    async def component(self, component: FromPath[str], checks: Injected[Mapping[str, Check]]) -> Response[Component]:
        """One part, for example `db` or `planner`."""
        if component not in checks:
            raise NotFoundException
        found = (await _ask({component: checks[component]}))[component]
        return Response(found, status_code=_http(found.status))


async def _ask(checks: Mapping[str, Check]) -> dict[str, Component]:
    answers = await asyncio.gather(*(_look(name, check) for name, check in checks.items()))
    return dict(zip(checks, answers, strict=True))


async def _look(name: str, check: Check) -> Component:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await check()
    except Exception as error:
        logger.warning("%s is down: %s", name, str(error) or type(error).__name__)
        return Component(Status.DOWN)


def _answer(components: Mapping[str, Component], groups: Sequence[str] | UnsetType = UNSET) -> Response[Health]:
    status = _worst(component.status for component in components.values())
    return Response(Health(status=status, components=components, groups=groups), status_code=_http(status))


def _worst(statuses: Iterable[Status]) -> Status:
    return min(statuses, key=list(Status).index, default=Status.UNKNOWN)


def _http(status: Status) -> HTTPStatus:
    return HTTPStatus.SERVICE_UNAVAILABLE if status in (Status.DOWN, Status.OUT_OF_SERVICE) else HTTPStatus.OK
