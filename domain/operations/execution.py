"""One run of an operation, from the wish or the time for it to its end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final, NewType
from uuid import UUID

ExecutionId = NewType("ExecutionId", UUID)

LONGEST_MESSAGE: Final = 2000


class ExecutionStatus(StrEnum):
    """PENDING is wished for and waits for a node; CANCELLED did not get to its end, because its node did."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCESS = "SUCCESS"
    ERROR = "ERROR"
    TIMEOUT = "TIMEOUT"
    CANCELLED = "CANCELLED"


class TriggeredBy(StrEnum):
    """What an execution is due to."""

    SCHEDULER = "SCHEDULER"
    API = "API"


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """`processed` is what was really done, also by an execution that failed in the middle.

    `node` is a label for people, `token` that of the lock it ran under.
    """

    id: ExecutionId
    operation: str
    description: str
    status: ExecutionStatus
    triggered_by: TriggeredBy
    requested_by: str | None
    created_at: datetime
    executed_at: datetime | None = None
    ended_at: datetime | None = None
    processed: int = 0
    error: str | None = None
    node: str | None = None
    token: int | None = None

    @classmethod
    def wished(cls, id_: ExecutionId, operation: str, description: str, by: str, now: datetime) -> Execution:
        """Somebody wants it; whichever node comes first does it."""
        return cls(
            id=id_,
            operation=operation,
            description=description,
            status=ExecutionStatus.PENDING,
            triggered_by=TriggeredBy.API,
            requested_by=by,
            created_at=now,
        )

    @classmethod
    def due(cls, id_: ExecutionId, operation: str, description: str, now: datetime) -> Execution:
        """It is time for it."""
        return cls(
            id=id_,
            operation=operation,
            description=description,
            status=ExecutionStatus.PENDING,
            triggered_by=TriggeredBy.SCHEDULER,
            requested_by=None,
            created_at=now,
        )

    def begun(self, node: str, token: int, now: datetime) -> Execution:
        """A node has begun it, under a lock with that token."""
        return replace(self, status=ExecutionStatus.RUNNING, executed_at=now, node=node, token=token)

    def ended(self, status: ExecutionStatus, processed: int, error: str | None, now: datetime) -> Execution:
        """It is over."""
        message = error[:LONGEST_MESSAGE] if error else None
        return replace(self, status=status, processed=processed, error=message, ended_at=now)

    def abandoned(self, now: datetime) -> Execution:
        """Another node has its lock: the one that ran it has died, or is too late."""
        why = f"The node {self.node} did not bring it to an end in time; another one has taken over."
        return self.ended(ExecutionStatus.CANCELLED, self.processed, why, now)

    @property
    def is_under_way(self) -> bool:
        return self.status is ExecutionStatus.RUNNING
