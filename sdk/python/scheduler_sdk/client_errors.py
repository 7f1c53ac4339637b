"""What can go wrong between a client and the server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


class SchedulerError(Exception):
    """Any failure of a call to the scheduler."""


class InvalidServer(SchedulerError):
    """The server's address is not an http or https URL."""


class Unreachable(SchedulerError):
    """No connection to the server could be made, or it broke. Whether a write arrived is not known."""

    def __init__(self, server: str, cause: str) -> None:
        super().__init__(
            f"no scheduler answers at {server} ({cause}). Start one with 'scheduler dev', "
            "or name another with --server URL or the variable SCHEDULER_URL"
        )
        self.server = server


class NoAnswer(SchedulerError):
    """The server took the call and did not answer in time. Whether a write was done is not known."""

    def __init__(self, server: str, seconds: float) -> None:
        super().__init__(f"the scheduler at {server} did not answer within {seconds:g} s")
        self.server = server


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """What the server refused: a JSON pointer into the body, and where in its text from 0; or a query parameter."""

    pointer: str
    detail: str
    code: str = ""
    offset: int | None = None
    parameter: str = ""


class ApiError(SchedulerError):
    """The server refused or failed: its `application/problem+json` answer."""

    def __init__(
        self,
        status: int,
        title: str,
        detail: str = "",
        code: str = "",
        errors: Sequence[FieldProblem] = (),
        request_id: str = "",
    ) -> None:
        super().__init__(f"{title} — {detail}" if detail else title)
        self.status = status
        self.title = title
        self.detail = detail
        self.code = code
        self.errors = tuple(errors)
        self.request_id = request_id

    @classmethod
    def from_problem(cls, problem: Mapping[str, object], status: int = 0) -> ApiError:
        """The error that a problem document states; `status` is that of the answer, for a document without one."""
        stated = problem.get("status")
        return cls(
            status=stated if isinstance(stated, int) else status,
            title=_text(problem, "title") or f"The server answered {status}",
            detail=_text(problem, "detail"),
            code=_text(problem, "code"),
            errors=_field_problems(problem.get("errors")),
            request_id=_text(problem, "requestId"),
        )


def _field_problems(errors: object) -> list[FieldProblem]:
    found = []
    for error in errors if isinstance(errors, list) else []:
        if isinstance(error, dict):
            offset = error.get("offset")
            found.append(
                FieldProblem(
                    pointer=_text(error, "pointer"),
                    detail=_text(error, "detail"),
                    code=_text(error, "code"),
                    offset=offset if isinstance(offset, int) else None,
                    parameter=_text(error, "parameter"),
                )
            )
    return found


def _text(document: Mapping[str, object], name: str) -> str:
    value = document.get(name)
    return value if isinstance(value, str) else ""
