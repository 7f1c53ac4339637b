"""How every refusal looks: `application/problem+json` (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.types import Scope
from msgspec import UNSET, UnsetType

from domain.shared.errors import FieldProblem

MEDIA_TYPE = "application/problem+json"
PAGE = "/docs/problems"
"""Where each code is explained."""


class FieldError(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One thing wrong with the request: `pointer` leads into the body, `parameter` names one of the query.

    `offset` counts characters of the value (of the whole body where it is not JSON) from 0.
    """

    code: str
    detail: str
    pointer: str | UnsetType = UNSET
    parameter: str | UnsetType = UNSET
    offset: int | UnsetType = UNSET

    @classmethod
    def of(cls, problem: FieldProblem) -> FieldError:
        """A problem that the rules of the domain found."""
        offset = UNSET if problem.offset is None else problem.offset
        return cls(code=problem.code, detail=problem.detail, pointer=problem.pointer, offset=offset)


class Problem(msgspec.Struct, rename="camel", kw_only=True):
    """A refusal. `code` is stable; `detail` says what is wrong and how to mend it.

    `retryable`: the same request may succeed later.
    """

    type: str
    title: str
    status: int
    detail: str
    code: str
    retryable: bool = False
    errors: Sequence[FieldError] = ()
    current_status: str | UnsetType = UNSET
    allowed_actions: Sequence[str] | UnsetType = UNSET
    instance: str | UnsetType = UNSET
    request_id: str | UnsetType = UNSET
    success: bool = False
    message: str = ""

    @classmethod
    def stating(cls, status: int, code: str, detail: str, **more: Any) -> Problem:
        """A problem whose title and page follow from its code."""
        title = code.replace("_", " ").capitalize()
        return cls(type=f"{PAGE}#{code}", title=title, status=status, detail=detail, code=code, message=detail, **more)


def request_id_of(scope: Scope) -> str:
    """The id that `access` gave to the request."""
    return str(scope.get("request_id", ""))


def respond(
    request: Request[Any, Any, Any], problem: Problem, headers: Mapping[str, str] | None = None
) -> Response[Problem]:
    """The answer that states `problem` about this request."""
    problem.instance = request.scope["path"]
    problem.request_id = request_id_of(request.scope)
    return Response(problem, status_code=problem.status, media_type=MEDIA_TYPE, headers=headers)
