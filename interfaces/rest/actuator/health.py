"""Whether this node lives, is ready, and reaches what it needs; in Spring Boot's shape."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

import msgspec
from litestar import Controller, Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from msgspec import UNSET, UnsetType

from application.shared.draining import Draining
from interfaces.rest.access import QUIET
from interfaces.rest.documented import problems
from interfaces.rest.injected import Injected

Check = Callable[[], Awaitable[None]]
"""Comes back if a part works, and raises if it does not."""

PATIENCE_SECONDS = 2.0
"""Probes have little patience themselves: what has not answered by then counts as down."""

UP, DOWN, OUT_OF_SERVICE = "UP", "DOWN", "OUT_OF_SERVICE"
logger = logging.getLogger(__name__)


class Component(msgspec.Struct, frozen=True):
    """UP or DOWN."""

    status: str


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """UP, DOWN or OUT_OF_SERVICE; why is in the log, for anybody may ask."""

    status: str
    components: Mapping[str, Component] | UnsetType = UNSET


class HealthController(Controller):
    """Answers 503 for whatever is not UP."""

    path = "/actuator/health"
    tags = ("Actuator",)
    opt = {QUIET: True}

    @get("/", operation_id="health", responses=problems())
    async def health(self, checks: Injected[Mapping[str, Check]]) -> Response[Health]:
        """The parts of this node, and what they amount to."""
        found = await _ask(checks)
        status = UP if all(component.status == UP for component in found.values()) else DOWN
        return _answer(Health(status=status, components=found))

    @get("/liveness", operation_id="liveness", responses=problems())
    async def liveness(self) -> Response[Health]:
        """Whether the process can answer at all: if not, start it anew. It asks nobody else."""
        return _answer(Health(status=UP))

    @get("/readiness", operation_id="readiness", responses=problems())
    async def readiness(self, checks: Injected[Mapping[str, Check]], draining: Injected[Draining]) -> Response[Health]:
        """Whether to send it requests: not while it drains, nor while its store is away."""
        ready = not draining.is_on and all(c.status == UP for c in (await _ask(checks)).values())
        return _answer(Health(status=UP if ready else OUT_OF_SERVICE))

    @get("/{component:str}", operation_id="componentHealth", responses=problems(404))
    async def component(self, component: FromPath[str], checks: Injected[Mapping[str, Check]]) -> Response[Health]:
        """One part, for example `db`."""
        if component not in checks:
            raise NotFoundException
        found = await _ask({component: checks[component]})
        return _answer(Health(status=found[component].status))


async def _ask(checks: Mapping[str, Check]) -> dict[str, Component]:
    answers = await asyncio.gather(*(_works(name, check) for name, check in checks.items()))
    return {name: Component(UP if works else DOWN) for name, works in zip(checks, answers, strict=True)}


async def _works(name: str, check: Check) -> bool:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await check()
    except Exception as error:
        logger.warning("%s is down: %s", name, str(error) or type(error).__name__)
        return False
    return True


def _answer(health: Health) -> Response[Health]:
    status = HTTPStatus.OK if health.status == UP else HTTPStatus.SERVICE_UNAVAILABLE
    return Response(health, status_code=status)
