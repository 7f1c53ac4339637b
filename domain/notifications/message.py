"""An event on its way out: a fact that was committed, and its place among all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from domain.shared.ids import TenantId


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in the log: the row of a commit, and which of its events; what follows it comes later."""

    seq: int
    index: int = 0

    def __str__(self) -> str:
        return f"{self.seq}.{self.index}"

    @classmethod
    def read(cls, text: str) -> Position | None:
        """The one that `str` wrote; None for any other text."""
        seq, dot, index = text.partition(".")
        written = dot and all(part.isascii() and part.isdigit() and len(part) <= 18 for part in (seq, index))
        return cls(int(seq), int(index)) if written else None


START = Position(0)
"""Before everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One event. `data` has its facts as JSON values, by their public names."""

    position: Position
    tenant: TenantId
    context: str
    type: str
    occurred_at: datetime
    data: Mapping[str, object]

    def is_about_job(self, job_id: str) -> bool:
        """Whether the event names this job."""
        return self.data.get("jobId") == job_id
