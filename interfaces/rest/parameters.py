"""Query parameters: pages, and filters with several values."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Annotated, TypeVar

from litestar.exceptions import ValidationException
from litestar.params import QueryParameter

from interfaces.rest.bodies import read_instant

LARGEST_PAGE = 200

Choice = TypeVar("Choice", bound=StrEnum)

Limit = Annotated[int, QueryParameter(ge=1, le=LARGEST_PAGE, description="The most items on a page.")]
Cursor = Annotated[
    str | None, QueryParameter(description="`nextCursor` of the page before, asked for with the same filters.")
]


def invalid(name: str, message: str, code: str = "INVALID_PARAMETER") -> ValidationException:
    """The refusal of a parameter, in the form that Litestar uses for those that it finds."""
    return ValidationException(extra=[{"key": name, "message": message, "code": code}])


def several(name: str, text: str | None) -> tuple[str, ...]:
    """The values of a filter: separated by commas, any of them will do. One that is given has a value."""
    values = tuple(value for value in (text or "").split(",") if value)
    if text is not None and not values:
        raise invalid(name, "it is empty; name a value, or leave it out")
    return values


def instant_of(name: str, text: str | None) -> datetime | None:
    """The instant that a parameter means, in UTC."""
    if text is None:
        return None
    found = read_instant(text)
    if found is None:
        raise invalid(name, f"{text!r} is no instant; write it like 2031-05-04T12:00:00Z")
    return found


def choice(name: str, text: str, known: type[Choice]) -> Choice:
    """The one of `known` that a text means, in capitals or not."""
    try:
        return known(text.upper())
    except ValueError:
        raise invalid(name, f"{text!r} is none of {', '.join(known)}") from None


def choices(name: str, text: str | None, known: Iterable[StrEnum]) -> tuple[str, ...]:
    """The values of a filter, each one of `known`."""
    values, allowed = several(name, text), [str(choice) for choice in known]
    for value in values:
        if value not in allowed:
            raise invalid(name, f"{value!r} is none of {', '.join(allowed)}")
    return values
