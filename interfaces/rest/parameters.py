"""Query parameters: pages, filters with several values, and nothing that nobody knows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Any

from litestar import Request
from litestar.exceptions import NotFoundException, ValidationException
from litestar.params import QueryParameter
from litestar.plugins.base import ReceiveRoutePlugin
from litestar.routes import BaseRoute, HTTPRoute

LARGEST_PAGE = 200

Limit = Annotated[int, QueryParameter(ge=1, le=LARGEST_PAGE, description="The most items on a page.")]
Cursor = Annotated[
    str | None, QueryParameter(description="`nextCursor` of the page before, asked for with the same filters.")
]


def invalid(name: str, message: str, code: str = "INVALID_PARAMETER") -> ValidationException:
    """The refusal of a parameter, in the form that Litestar uses for those that it finds."""
    return ValidationException(extra=[{"key": name, "message": message, "code": code}])


def several(text: str | None) -> tuple[str, ...]:
    """The values of a filter: separated by commas, any of them will do."""
    return tuple(value for value in (text or "").split(",") if value)


def choices(name: str, text: str | None, known: Iterable[StrEnum]) -> tuple[str, ...]:
    """The values of a filter, each one of `known`."""
    values, allowed = several(text), [str(choice) for choice in known]
    for value in values:
        if value not in allowed:
            raise invalid(name, f"{value!r} is none of {', '.join(allowed)}")
    return values


class KnownParameters(ReceiveRoutePlugin):
    """Refuses parameters that a handler does not have: a filter that is lost must never widen an action."""

    def __init__(self) -> None:
        self._known: dict[str, frozenset[str]] = {}

    def receive_route(self, route: BaseRoute) -> None:
        if isinstance(route, HTTPRoute):
            for handler, arguments in route.route_handler_map.values():
                self._known[handler.handler_id] = frozenset(p.field_alias for p in arguments.expected_query_params)

    async def check(self, request: Request[Any, Any, Any]) -> None:
        """To be called before a handler is."""
        if "\0" in request.scope["path"]:
            raise NotFoundException
        if not request.scope["query_string"]:
            return
        given = list(request.query_params.multi_items())
        known = self._known[request.route_handler.handler_id]
        for name, count in Counter(name for name, _ in given).items():
            if name not in known:
                has = f"known here: {', '.join(sorted(known))}" if known else "this request takes none"
                raise invalid(name, f"there is no such parameter; {has}", "UNKNOWN_PARAMETER")
            if count > 1:
                raise invalid(name, "it is given twice; separate several values by commas")
        for name, value in given:
            if "\0" in value:
                raise invalid(name, "it contains a NUL character")
