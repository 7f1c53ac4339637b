"""Which events are meant, by their type and source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from domain.shared.errors import FieldProblem

ANY: Final = "*"
LONGEST_PATTERN: Final = 255


@dataclass(frozen=True, slots=True)
class EventPattern:
    """A type and a source, each exact, or a beginning followed by `*`; upper and lower case differ."""

    type: str
    source: str = ANY

    def matches(self, event_type: str, source: str) -> bool:
        """Whether an event of this type and source is meant."""
        return _matches(self.type, event_type) and _matches(self.source, source)


def patterns_for(text: str) -> list[str]:
    """Every pattern that matches `text`: the text itself, and each beginning of it with `*`."""
    return [text, *(text[:length] + ANY for length in range(min(len(text), LONGEST_PATTERN) + 1))]


def pattern_problems(name: str, pattern: str) -> list[FieldProblem]:
    """What is wrong with the text of a pattern."""
    if not 1 <= len(pattern) <= LONGEST_PATTERN:
        detail = f"{name} has {len(pattern)} characters; allowed are 1 to {LONGEST_PATTERN}."
        return [FieldProblem(f"/{name}", "OUT_OF_RANGE", detail)]
    if (place := pattern.find(ANY)) not in (-1, len(pattern) - 1):
        detail = f'{name} is "{pattern}"; a * stands for any ending, so it can only be the last character.'
        return [FieldProblem(f"/{name}", "SYNTAX", detail, place)]
    if not pattern.isprintable():
        place = next(i for i, character in enumerate(pattern) if not character.isprintable())
        return [FieldProblem(f"/{name}", "SYNTAX", f"{name} has a character that cannot be printed.", place)]
    return []


def _matches(pattern: str, text: str) -> bool:
    return text.startswith(pattern[:-1]) if pattern.endswith(ANY) else text == pattern
