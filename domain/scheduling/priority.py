"""Priority 1 to 10 and the static rank it gives a task in its lane."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NewType

from domain.shared.errors import FieldProblem, Invalid

Priority = NewType("Priority", int)

PRIORITY_NAMES = {"LOWEST": 1, "LOW": 3, "NORMAL": 5, "MEDIUM": 5, "HIGH": 7, "HIGHEST": 10}
NORMAL = Priority(5)
LOWEST = Priority(1)

AGEING_STEP = timedelta(hours=1)
"""What one level of priority is worth in waiting time:

a task of level 1 overtakes later ones of level 10 after 9 steps.
"""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def parse_priority(value: int | str) -> Priority:
    """A level 1 to 10 or one of its names, in any case. Raises `Invalid`."""
    level = PRIORITY_NAMES.get(value.upper()) if isinstance(value, str) else value
    if level is None or isinstance(level, bool) or not 1 <= level <= 10:
        names = ", ".join(PRIORITY_NAMES)
        raise Invalid(
            FieldProblem("", "INVALID_PRIORITY", f"Priority {value!r} is neither 1 to 10 nor one of {names}.")
        )
    return Priority(level)


def rank(ready_at: datetime, priority: Priority) -> int:
    """The place in the lane, in microseconds since 1970, lowest first: `ready_at - (priority - 1) * AGEING_STEP`."""
    return (ready_at - (priority - 1) * AGEING_STEP - _EPOCH) // _MICROSECOND
