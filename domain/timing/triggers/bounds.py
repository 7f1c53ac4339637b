"""What durations and instants of triggers may be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from domain.shared.errors import FieldProblem
from domain.timing.duration import format_duration

SHORTEST_STEP: Final = timedelta(milliseconds=100)
"""Between two fires of one job. What has to happen more often is not for a scheduler with a ledger of every fire."""

LONGEST_STEP: Final = timedelta(days=366)
EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(9000, 1, 1, tzinfo=UTC)
"""Far enough from the end of the calendar to reckon with any duration."""


def step_problems(name: str, step: timedelta) -> list[FieldProblem]:
    """What is wrong with the time from one fire to the next."""
    if SHORTEST_STEP <= step <= LONGEST_STEP:
        return []
    detail = f"{name} is {_text(step)}; allowed is {_text(SHORTEST_STEP)} to {_text(LONGEST_STEP)}."
    return [FieldProblem(f"/{name}", "OUT_OF_RANGE", detail)]


def delay_problems(name: str, delay: timedelta) -> list[FieldProblem]:
    """What is wrong with the time before the first fire."""
    if timedelta(0) <= delay <= LONGEST_STEP:
        return []
    detail = f"{name} is {_text(delay)}; allowed is {_text(timedelta(0))} to {_text(LONGEST_STEP)}."
    return [FieldProblem(f"/{name}", "OUT_OF_RANGE", detail)]


def instant_problems(name: str, instant: datetime) -> list[FieldProblem]:
    """What is wrong with an instant."""
    if instant.tzinfo is None:
        detail = f"{name} ({instant.isoformat()}) needs an offset, for example {instant.isoformat()}Z."
        return [FieldProblem(f"/{name}", "NO_OFFSET", detail)]
    if not EARLIEST <= instant < LATEST:
        detail = f"{name} ({instant.isoformat()}) is not between the years {EARLIEST.year} and {LATEST.year}."
        return [FieldProblem(f"/{name}", "OUT_OF_RANGE", detail)]
    return []


def _text(duration: timedelta) -> str:
    return format_duration(duration) if duration >= timedelta(0) else f"-{format_duration(-duration)}"
