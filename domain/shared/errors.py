"""The four ways a request can be wrong; every error of the domain is one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace


class DomainError(Exception):
    """A refusal with its reason. `code` is stable and part of the API;

    the message says what is wrong and with which value.
    """

    code = "DOMAIN_ERROR"


class NotFound(DomainError):
    """What was asked for does not exist, or not for this caller."""

    code = "NOT_FOUND"


class Conflict(DomainError):
    """The request is well formed and contradicts the present state."""

    code = "CONFLICT"

    current_status: str | None = None
    allowed_actions: tuple[str, ...] = ()


class Forbidden(DomainError):
    """The caller may not do this."""

    code = "FORBIDDEN"


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One thing wrong with a value.

    `pointer` is a JSON pointer relative to the value that was validated, `offset` a 0-based character position in it.
    """

    pointer: str
    code: str
    detail: str
    offset: int | None = None

    def under(self, parent: str) -> FieldProblem:
        """The same problem, seen from the value that holds this one under `parent` (for example "/trigger")."""
        return replace(self, pointer=parent + self.pointer)


class Invalid(DomainError):
    """The request is understood and its content breaks a rule; `problems` says which, field by field."""

    code = "INVALID"

    def __init__(self, *problems: FieldProblem) -> None:
        said = "; ".join(p.detail for p in problems).replace(".; ", ". ")
        super().__init__(said or "The request is invalid.")
        self.problems: tuple[FieldProblem, ...] = problems

    def under(self, parent: str) -> Invalid:
        """The same refusal with every pointer moved below `parent`."""
        moved = Invalid(*(p.under(parent) for p in self.problems))
        moved.code = self.code
        return moved


def raise_all(problems: Sequence[FieldProblem]) -> None:
    """Raise one `Invalid` that carries all problems; nothing if there are none."""
    if problems:
        raise Invalid(*problems)
