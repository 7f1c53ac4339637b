"""What this node counts, for Prometheus."""

from collections.abc import Awaitable, Callable

from litestar import Response, get

from interfaces.rest.access import QUIET
from interfaces.rest.documented import problems
from interfaces.rest.injected import Injected

FORMAT = "text/plain; version=0.0.4"

Exposition = Callable[[], Awaitable[bytes]]
"""Everything there is to see, as text in `FORMAT`."""


@get(
    "/actuator/prometheus",
    operation_id="prometheus",
    tags=["Actuator"],
    opt={QUIET: True},
    media_type=FORMAT,
    responses=problems(),
)
async def prometheus(exposition: Injected[Exposition]) -> Response[bytes]:
    """Metrics in the text format of Prometheus."""
    return Response(await exposition(), media_type=FORMAT)
