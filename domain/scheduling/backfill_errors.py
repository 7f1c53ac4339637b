"""What is refused about backfills."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from domain.shared.errors import Conflict, FieldProblem, Invalid, NotFound


class BackfillNotFound(NotFound):
    """There is no backfill of that id."""

    code = "BACKFILL_NOT_FOUND"

    def __init__(self, backfill: UUID | str) -> None:
        super().__init__(f"There is no backfill {backfill}. List the backfills to see their ids.")


class BackfillUnderWay(Conflict):
    """A job has one backfill at a time, so that two never make up for the same fires side by side."""

    code = "BACKFILL_UNDER_WAY"

    def __init__(self, job: str) -> None:
        super().__init__(f"Job {job!r} has a backfill that has not ended. Wait for it, or cancel it first.")


class IllegalBackfillState(Conflict):
    """What was asked for cannot be done to the backfill any more, or not yet."""

    code = "ILLEGAL_STATE"

    def __init__(self, backfill: UUID, status: str, action: str, allowed: Sequence[str]) -> None:
        can = f"It allows: {', '.join(allowed)}." if allowed else "It has ended; start another one."
        super().__init__(f"Backfill {backfill} is {status}; it cannot {action}. {can}")
        self.current_status = status
        self.allowed_actions = tuple(allowed)


class NothingToBackfill(Invalid):
    """The job's trigger has no time in the span, or no times of its own at all."""

    code = "NOTHING_TO_BACKFILL"

    def __init__(self, pointer: str, why: str) -> None:
        super().__init__(FieldProblem(pointer, self.code, why))
