"""Who is let in before anything else looks at a request: only those who call this server by its name."""

from __future__ import annotations

import re
from collections.abc import Collection
from http import HTTPStatus
from typing import Any

from litestar import Request
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from interfaces.rest.problem import Problem, respond

LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
PROBES = "/actuator/health"
"""Probes call by whatever address a machine has at the moment, and learn nothing but UP or not."""

_HOST = re.compile(r"(?P<name>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?")
_READS = frozenset({"GET", "HEAD", "OPTIONS"})


class Gate:
    """Checks the names by which a browser was led here.

    `Host` must be a name of this server: a page whose own name was rebound to this address (DNS rebinding) is refused.
    `Origin`, which browsers add to whatever a page sends, must be the same: another site's page may not write.
    """

    def __init__(self, app: ASGIApp, allowed_hosts: Collection[str] = ()) -> None:
        self._app = app
        self._hosts = LOOPBACK | {host.lower() for host in allowed_hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP and (problem := self._problem(scope)):
            request: Request[Any, Any, Any] = Request(scope, receive, send)
            response = respond(request, problem).to_asgi_response(app=None, request=request)
            await response(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _problem(self, scope: HTTPScope) -> Problem | None:
        if scope["path"].startswith(PROBES):
            return None
        host = origin = None
        for name, value in scope["headers"]:
            if name == b"host":
                host = value.decode("latin-1").lower()
            elif name == b"origin":
                origin = value.decode("latin-1").lower()
        match = _HOST.fullmatch(host or "")
        if match is None:
            detail = f"The Host header must name this server; it is {host or 'missing'}."
            return Problem.stating(HTTPStatus.BAD_REQUEST, "INVALID_HOST", detail)
        if match["name"] not in self._hosts:
            names = " or ".join(sorted(self._hosts))
            detail = f"This server is not {match['name']}. Call it {names}, or allow this name in its settings."
            return Problem.stating(HTTPStatus.MISDIRECTED_REQUEST, "UNKNOWN_HOST", detail)
        if origin is not None and scope["method"] not in _READS and origin.partition("://")[2] != host:
            detail = f"A page of {origin} may not write to {host}. Only pages that this server itself has served may."
            return Problem.stating(HTTPStatus.FORBIDDEN, "FOREIGN_ORIGIN", detail)
        return None
