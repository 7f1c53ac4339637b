"""An event that came from outside and may make jobs fire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from domain.scheduling.occurrence import event_fire_key
from domain.shared.errors import FieldProblem, Invalid
from domain.shared.json_value import JsonText

LONGEST_SOURCE: Final = 1024
LONGEST_ID: Final = 256
LONGEST_TYPE: Final = 1024
"""Bytes in UTF-8. Source and id are part of an index."""

LARGEST_EVENT: Final = 256 * 1024
"""Bytes of a whole event as JSON: it becomes a parameter of each task that it causes."""


class InvalidEvent(Invalid):
    """The event breaks the rules of CloudEvents, or is larger than events may be."""

    code = "INVALID_EVENT"


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundEvent:
    """Source and id together name one event: a second one that has both is the same, delivered again.

    `document` is the whole event as JSON. Raises `InvalidEvent`.
    """

    id: str
    source: str
    type: str
    document: JsonText

    def __post_init__(self) -> None:
        problems = [
            problem
            for name, text, longest in (
                ("id", self.id, LONGEST_ID),
                ("source", self.source, LONGEST_SOURCE),
                ("type", self.type, LONGEST_TYPE),
            )
            if (problem := _problem(name, text, longest)) is not None
        ]
        size = len(self.document.encode())
        if size > LARGEST_EVENT:
            detail = f"The event has {size} bytes; an event has at most {LARGEST_EVENT}. Send a reference to the data."
            problems.append(FieldProblem("", "TOO_LARGE", detail))
        if problems:
            raise InvalidEvent(*problems)

    @property
    def fire_key(self) -> str:
        """By which the ledger tells whether a job has fired for it."""
        return event_fire_key(self.source, self.id)


def _problem(name: str, text: str, longest: int) -> FieldProblem | None:
    if not text:
        return FieldProblem(f"/{name}", "MISSING", f"An event needs its {name}.")
    if len(text.encode()) > longest:
        return FieldProblem(f"/{name}", "OUT_OF_RANGE", f"{name} has at most {longest} bytes.")
    if not text.isprintable():
        place = next(i for i, character in enumerate(text) if not character.isprintable())
        return FieldProblem(f"/{name}", "SYNTAX", f"{name} has a character that cannot be printed.", place)
    return None
