"""A change of a job that does not take effect at once: when it may, and what it stands in the way of."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from domain.shared.errors import Conflict, FieldProblem, Invalid

FURTHEST: Final = timedelta(days=366)


class ChangeComing(Conflict):
    """A change of the job is announced; what is changed before would be undone by it."""

    code = "CHANGE_COMING"

    def __init__(self, name: str, effective_from: datetime) -> None:
        super().__init__(
            f"Job {name!r} will be changed at {effective_from.isoformat()}, which would undo a change that is made now."
            " Withdraw that one first (DELETE /jobs/{job}/coming-change), or give effectiveFrom to replace it."
        )


def check_effective_from(at: datetime, now: datetime) -> None:
    """Raises `Invalid` for an instant that is over, or too far away."""
    if not now < at <= now + FURTHEST:
        detail = f"effectiveFrom ({at.isoformat()}) must be in the future, at most {FURTHEST.days} days: it is "
        detail += f"{now.isoformat()}. Leave it out to change the job at once."
        raise Invalid(FieldProblem("/effectiveFrom", "OUT_OF_RANGE", detail))
