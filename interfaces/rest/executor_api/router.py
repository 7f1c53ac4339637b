"""The executor API as a whole."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, Router

from domain.scheduling.errors import ExecutorNotFound, SessionEnded
from interfaces.rest.errors import refused
from interfaces.rest.executor_api.exchange import claim, report
from interfaces.rest.executor_api.sessions import heartbeat, leave, register
from interfaces.rest.problem import Problem


def _unknown_here(request: Request[Any, Any, Any], _error: ExecutorNotFound) -> Response[Problem]:
    """Whoever had a session and is unknown now (a store that was set up anew) does what ends of sessions ask for."""
    return refused(request, SessionEnded(request.path_params["executor"], "this server does not know it"))


in_session = Router(
    "/cluster/executors/{executor:str}",
    tags=["Executors"],
    route_handlers=[claim, report, heartbeat, leave],
    exception_handlers={ExecutorNotFound: _unknown_here},
)

EXECUTOR_API = (register, in_session)
