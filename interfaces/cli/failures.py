"""Says in a few lines what went wrong at the server and where, and with which exit code to end."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable

import click

from interfaces.cli.exits import CONFLICT, FAILED, NOT_ALLOWED, NOT_FOUND, TIMED_OUT, UNREACHABLE, USAGE, Failure
from interfaces.cli.launchers import LaunchRefused
from scheduler_sdk.client_errors import ApiError, InvalidServer, NoAnswer, SchedulerError, Unreachable

CODE_OF_STATUS = {
    401: NOT_ALLOWED, 403: NOT_ALLOWED, 404: NOT_FOUND, 410: NOT_FOUND, 408: TIMED_OUT, 409: CONFLICT, 412: CONFLICT,
    504: TIMED_OUT,
}  # fmt: skip
_CODE_OF_ERROR = {InvalidServer: USAGE, Unreachable: UNREACHABLE, NoAnswer: TIMED_OUT}


def ending_of(error: Exception) -> click.ClickException | None:
    """How a command ends by this error; None: as it is, for the caller to raise again."""
    if isinstance(error, click.ClickException):
        return error
    if isinstance(error, SchedulerError):
        return failure_of(error)
    if isinstance(error, LaunchRefused):
        return Failure(str(error))
    broken_pipe = isinstance(error, OSError) and error.errno == errno.EPIPE
    if broken_pipe or os.environ.get("SCHEDULER_DEBUG"):
        return None  # click ends quietly when the reader of our output has gone
    return Failure(f"unexpected {type(error).__name__}: {error} (SCHEDULER_DEBUG=1 shows where)")


def failure_of(error: SchedulerError) -> Failure:
    return Failure(describe(error), exit_code_of(error))


def exit_code_of(error: SchedulerError) -> int:
    if isinstance(error, ApiError):
        return CODE_OF_STATUS.get(error.status, FAILED)
    return _CODE_OF_ERROR.get(type(error), FAILED)


def describe(error: SchedulerError, place_of: Callable[[str], str] = str) -> str:
    """The error, a line for each field that is wrong (`place_of` turns its pointer into a place), the request's id."""
    if not isinstance(error, ApiError):
        return str(error)
    headline = error.title if len(error.errors) > 1 and _repeats_fields(error) else str(error)
    lines = [headline, *(f"  {line}" for line in field_lines(error, place_of))]
    if error.request_id:
        lines.append(f"  request id {error.request_id}")
    return "\n".join(lines)


def field_lines(error: ApiError, place_of: Callable[[str], str] = str) -> list[str]:
    """Where each field is wrong and how; only where, if it is the one field and the error says how already.

    A query parameter is named in those words.
    """
    said = len(error.errors) == 1 and _repeats_fields(error)
    lines = []
    for problem in error.errors:
        place = place_of(problem.pointer)
        offset = "" if problem.offset is None else f", offset {problem.offset}"
        if not said:
            whole = place or problem.parameter or "the document"
            lines.append(f"{whole}{offset}: {problem.detail or problem.code}")
        elif place:
            lines.append(f"at {place}{offset}")
    return lines


def _repeats_fields(error: ApiError) -> bool:
    return all(problem.detail in error.detail for problem in error.errors)
