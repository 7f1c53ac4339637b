"""The one table that makes HTTP of errors."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException

from application.shared.errors import StoreUnavailable
from domain.scheduling.errors import VersionMismatch
from domain.shared.errors import Conflict, DomainError, Forbidden, Invalid, NotFound
from interfaces.rest.access import is_quiet
from interfaces.rest.problem import FieldError, Problem, request_id_of, respond

logger = logging.getLogger(__name__)

STATUS_OF_FAMILY: Mapping[type[Exception], HTTPStatus] = {
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    Invalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    Forbidden: HTTPStatus.FORBIDDEN,
    StoreUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}
STATUS_OF_CODE: Mapping[str, HTTPStatus] = {
    "MALFORMED": HTTPStatus.BAD_REQUEST,
    "INVALID_CURSOR": HTTPStatus.BAD_REQUEST,
    "VERSION_MISMATCH": HTTPStatus.PRECONDITION_FAILED,
    "EVENTS_AGED_OUT": HTTPStatus.GONE,
}
"""Errors that are not answered like the rest of their family."""

CODE_OF_STATUS: Mapping[int, str] = {
    400: "MALFORMED",
    404: "NO_SUCH_PATH",
    405: "METHOD_NOT_ALLOWED",
    413: "TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
    503: "UNAVAILABLE",
}
"""What the framework refuses by itself."""

MEBIBYTE = 1024 * 1024

RETRYABLE = frozenset({"IDEMPOTENCY_IN_FLIGHT", "STALE_VERSION", "STORE_UNAVAILABLE", "UNAVAILABLE"})
RETRY_AFTER = {"Retry-After": "2"}
"""Seconds: a restarted store is usually back by then."""


def problem_of(error: DomainError | StoreUnavailable) -> Problem:
    """What a refused use case means over HTTP."""
    code = error.code
    family = next(status for family, status in STATUS_OF_FAMILY.items() if isinstance(error, family))
    more: dict[str, Any] = {"retryable": code in RETRYABLE}
    if isinstance(error, Invalid):
        more["errors"] = [FieldError.of(problem) for problem in error.problems]
        if all(problem.code == "MALFORMED" for problem in error.problems):
            code = "MALFORMED"
    if isinstance(error, Conflict) and error.current_status is not None:
        more["current_status"], more["allowed_actions"] = error.current_status, error.allowed_actions
    mend = " Repeat the request in a moment." if isinstance(error, StoreUnavailable) else ""
    return Problem.stating(STATUS_OF_CODE.get(code, family), code, f"{error}{mend}", **more)


def refused(request: Request[Any, Any, Any], error: DomainError) -> Response[Problem]:
    """A use case has refused."""
    headers = {"ETag": f'"{error.version}"'} if isinstance(error, VersionMismatch) else None
    return respond(request, problem_of(error), headers)


def unavailable(request: Request[Any, Any, Any], error: StoreUnavailable) -> Response[Problem]:
    """The store is away; the client shall come back. What executors call all the time fails alike: the loops say it."""
    level = logging.DEBUG if is_quiet(request.scope) else logging.WARNING
    logger.log(level, "%s %s: %s", request.method, request.scope["path"], error)
    return respond(request, problem_of(error), RETRY_AFTER)


def refused_by_framework(request: Request[Any, Any, Any], error: HTTPException) -> Response[Problem]:
    """No such path, a wrong method, a body that is too large: all that is found before a use case is called."""
    status = error.status_code
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return failed(request, error)
    code = CODE_OF_STATUS.get(status, HTTPStatus(status).name)
    errors = list(_field_errors(error))
    detail = "; ".join(e.detail for e in errors) or _detail(request, code, error)
    if errors:
        code = errors[0].code
    return respond(request, Problem.stating(status, code, detail, errors=errors), error.headers)


def failed(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    """Our fault. The client learns the request's id, the log everything."""
    logger.error(
        "%s %s failed",
        request.method,
        request.scope["path"],
        exc_info=error,
        extra={"request_id": request_id_of(request.scope)},
    )
    detail = "The server failed to do this; nothing is wrong with the request. Its log has the reason under requestId."
    return respond(request, Problem.stating(HTTPStatus.INTERNAL_SERVER_ERROR, "INTERNAL_ERROR", detail))


EXCEPTION_HANDLERS: dict[int | type[Exception], Callable[[Request[Any, Any, Any], Any], Response[Any]]] = {
    DomainError: refused,
    StoreUnavailable: unavailable,
    HTTPException: refused_by_framework,
    Exception: failed,
}


def _detail(request: Request[Any, Any, Any], code: str, error: HTTPException) -> str:
    path = request.scope["path"]
    match code:
        case "NO_SUCH_PATH":
            return f"There is nothing at {path}. The paths are listed at /docs."
        case "METHOD_NOT_ALLOWED":
            return f"{path} does not take {request.method}, only {(error.headers or {}).get('allow', 'others')}."
        case "TOO_LARGE":
            most = request.route_handler.resolve_request_max_body_size() or 0
            return f"{path} takes bodies of at most {most // MEBIBYTE} MiB. Send less at a time."
        case _:
            return error.detail


def _field_errors(error: HTTPException) -> Iterator[FieldError]:
    """What Litestar found wrong with parameters; bodies are checked by `bodies`."""
    if not isinstance(error, ValidationException) or not isinstance(error.extra, list):
        return
    for found in error.extra:
        name, message = str(found.get("key", "")), str(found.get("message", ""))
        if name == "data" and len(error.extra) > 1:
            continue  # with a parameter that is wrong it calls even a body wrong that may be absent
        if name == "data":
            yield FieldError(code="MALFORMED", pointer="", detail="This request needs a JSON body.")
        else:
            yield FieldError(code=found.get("code", "INVALID_PARAMETER"), parameter=name, detail=f"{name}: {message}.")
