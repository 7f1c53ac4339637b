"""Every request has an id, which its answer, its problem and the log name, and leaves a line in the log."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from http import HTTPStatus
from uuid import uuid4

from litestar.enums import ScopeType
from litestar.handlers import BaseRouteHandler
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

logger = logging.getLogger("scheduler.access")

HEADER = b"x-request-id"
Observe = Callable[[str, str, int, float], None]
"""Told of every answer: method, the route's template, status, seconds."""

QUIET = "quiet"
"""In a handler's `opt`: it is called all the time, its calls are logged at DEBUG like reads."""

_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
_READS = frozenset({"GET", "HEAD", "OPTIONS"})


class Access:
    """Takes the caller's X-Request-Id or makes one.

    Writes are logged at INFO, reads and what is called all the time at DEBUG, failures of ours at WARNING.
    """

    def __init__(self, app: ASGIApp, observe: Observe) -> None:
        self._app = app
        self._observe = observe

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        given = next((value for name, value in scope["headers"] if name == HEADER), b"")
        request_id = given.decode() if _ID.fullmatch(given) else uuid4().hex
        scope["request_id"] = request_id  # type: ignore[typeddict-unknown-key]
        path, began, status = scope["path"], time.perf_counter(), 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message["headers"],
                    (HEADER, request_id.encode()),
                    (b"x-content-type-options", b"nosniff"),
                ]
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            seconds = time.perf_counter() - began
            self._observe(_method(scope), _route(scope), status, seconds)
            level = _level(scope, status)
            if logger.isEnabledFor(level):
                milliseconds = seconds * 1000
                facts = {"method": scope["method"], "path": path, "status": status, "request_id": request_id}
                logger.log(
                    level,
                    "%s %s %d in %.1f ms",
                    scope["method"],
                    path,
                    status,
                    milliseconds,
                    extra=facts | {"milliseconds": round(milliseconds, 1)},
                )


def _method(scope: HTTPScope) -> str:
    """One of few: what clients make up must not become a series of its own."""
    return scope["method"] if scope["method"] in _METHODS else "OTHER"


def _route(scope: HTTPScope) -> str:
    """The template of the path; the router leaves none where there is no such path."""
    return str(scope.get("path_template") or "none")


def is_quiet(scope: Scope) -> bool:
    """Whether it is called all the time."""
    handler: object = scope.get("route_handler")  # none where there is no such path
    return isinstance(handler, BaseRouteHandler) and bool(handler.opt.get(QUIET))


def _level(scope: HTTPScope, status: int) -> int:
    if status >= 500 and status != HTTPStatus.SERVICE_UNAVAILABLE:  # that it is away is told where it is noticed
        return logging.WARNING
    return logging.DEBUG if scope["method"] in _READS or is_quiet(scope) else logging.INFO
