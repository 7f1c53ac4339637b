"""Which events somebody wants: by their type, or by type and what became of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from domain.notifications.message import Message
from domain.shared.errors import FieldProblem, Invalid

_DETAILS: Final = ("decision", "status", "ailments")
"""What the second part of a pattern is compared with."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """`TaskFailed`, or `OccurrenceDecided:MISSED`: only those with this decision, status or ailment."""

    type: str
    detail: str | None = None

    def __str__(self) -> str:
        return self.type if self.detail is None else f"{self.type}:{self.detail}"

    @classmethod
    def read(cls, text: str, known: Collection[str], pointer: str = "") -> Pattern:
        """Raises `Invalid` for a type that no event has."""
        type_, colon, detail = text.partition(":")
        if type_ not in known:
            told = f"{type_!r} is no type of event; known are {', '.join(sorted(known))}."
            raise Invalid(FieldProblem(pointer, "UNKNOWN_EVENT_TYPE", told))
        if colon and not detail:
            told = f"{text!r} has nothing behind the colon: write a decision, a status or an ailment, or no colon."
            raise Invalid(FieldProblem(pointer, "INVALID_EVENT_PATTERN", told))
        return cls(type_, detail or None)

    def matches(self, message: Message) -> bool:
        """Whether this event is meant."""
        return message.type == self.type and (self.detail is None or self.detail in _details(message))


ALARMS: Final = (
    Pattern("TaskFailed"),
    Pattern("TaskTimedOut"),
    Pattern("OccurrenceDecided", "MISSED"),
    Pattern("ScheduleHealthChanged", "OVERDUE"),
)
"""What nobody should have to find out by chance."""


def _details(message: Message) -> Iterable[object]:
    for name in _DETAILS:
        value = message.data.get(name)
        yield from value if isinstance(value, list | tuple) else (value,)
