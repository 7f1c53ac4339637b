"""Facts that have happened to aggregates; they reach the outbox in the commit that made them true."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainEvent:
    """A fact. `type` is its public name, `occurred_at` the store's time of the unit of work that made it true."""

    type: ClassVar[str] = "DomainEvent"
    occurred_at: datetime
