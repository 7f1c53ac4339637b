"""All codes that a problem may have, with their status and meaning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from inspect import cleandoc

from application.shared.errors import StoreUnavailable
from domain.shared.errors import DomainError
from interfaces.rest.errors import STATUS_OF_CODE, STATUS_OF_FAMILY

EDGE: Mapping[str, tuple[int, str]] = {
    "MALFORMED": (400, "The body is not JSON, or not of the shape that this request takes."),
    "INVALID_PARAMETER": (400, "A query parameter has a value that it cannot have."),
    "UNKNOWN_PARAMETER": (400, "There is no such query parameter. It is refused because a lost filter may do harm."),
    "INVALID_HOST": (400, "The Host header is missing or is none."),
    "FOREIGN_ORIGIN": (403, "A page that another site has served tried to write."),
    "NO_SUCH_PATH": (404, "There is nothing at this path."),
    "METHOD_NOT_ALLOWED": (405, "The path exists and does not take this method."),
    "TOO_LARGE": (413, "The body has more bytes than this request takes."),
    "UNSUPPORTED_MEDIA_TYPE": (415, "The body is not declared to be JSON."),
    "UNKNOWN_HOST": (421, "The request was sent to a name that this server does not have."),
    "INTERNAL_ERROR": (500, "The server failed; its log has the reason under the request's id."),
}
"""What is refused before a use case is called, and what nobody has foreseen."""


def problem_codes() -> list[tuple[str, int, str]]:
    """Code, status and meaning, by status."""
    codes = {code: (code, status, meaning) for code, (status, meaning) in EDGE.items()}
    errors: list[type[DomainError | StoreUnavailable]] = [*_all(DomainError), StoreUnavailable]
    for error in errors:
        family = next((family for family in STATUS_OF_FAMILY if issubclass(error, family)), None)
        if family is not None:
            status = STATUS_OF_CODE.get(error.code, STATUS_OF_FAMILY[family])
            codes.setdefault(error.code, (error.code, int(status), _meaning(error, family)))
    return sorted(codes.values(), key=lambda row: (row[1], row[0]))


def _all(error: type[DomainError]) -> Iterator[type[DomainError]]:
    for narrower in error.__subclasses__():
        yield narrower
        yield from _all(narrower)


def _meaning(error: type[Exception], family: type[Exception]) -> str:
    text = error.__doc__ or family.__doc__ or ""
    return cleandoc(text).partition("\n\n")[0].replace("\n", " ")
