"""An operation: a piece of the platform's own upkeep, done again and again on one node at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from domain.operations.execution import ExecutionId
from domain.shared.errors import FieldProblem, Invalid
from domain.timing.duration import LONGEST, format_duration

SHORTEST_INTERVAL: Final = timedelta(seconds=1)
FIRST_RETRY: Final = timedelta(seconds=30)
"""After a failure; twice as long after each further one, and never longer than its interval."""

LOCK_MARGIN: Final = timedelta(minutes=1)
"""For ending and writing down an execution whose time is over, before another node may take its lock."""


class OperationStatus(StrEnum):
    """ERROR: its last execution failed, and it is tried again."""

    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    ERROR = "ERROR"


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationTerms:
    """What the code says of an operation. `every` counts from the end of one execution to the start of the next."""

    name: str
    description: str
    every: timedelta
    timeout: timedelta = timedelta(minutes=10)

    @property
    def held_at_most(self) -> timedelta:
        """How long the others wait for a node that died in the middle of it."""
        return self.timeout + LOCK_MARGIN


@dataclass(slots=True, kw_only=True)
class Operation:
    """What is known of one operation on the whole platform. `every` is what somebody has set instead of its terms'."""

    name: str
    next_run_at: datetime
    every: timedelta | None = None
    paused_at: datetime | None = None
    paused_by: str | None = None
    paused_reason: str | None = None
    failures: int = 0
    execution: ExecutionId | None = None
    """The one that runs, or ran last."""

    @property
    def status(self) -> OperationStatus:
        if self.paused_at is not None:
            return OperationStatus.PAUSED
        return OperationStatus.ERROR if self.failures else OperationStatus.ACTIVE

    def is_due(self, now: datetime) -> bool:
        """Whether it is time to do it."""
        return self.paused_at is None and self.next_run_at <= now

    def interval(self, terms: OperationTerms) -> timedelta:
        """From one end to the next start."""
        return self.every or terms.every

    def pause(self, by: str, reason: str | None, now: datetime) -> None:
        """Do it no more but on demand; what runs goes on. One that is paused stays so, for its first reason."""
        if self.paused_at is None:
            self.paused_at, self.paused_by, self.paused_reason = now, by, reason

    def resume(self) -> None:
        """Do it again, at once if it was due meanwhile."""
        self.paused_at = self.paused_by = self.paused_reason = None

    def change_interval(self, every: timedelta | None, terms: OperationTerms, now: datetime) -> None:
        """None: as its terms say. Raises `Invalid`."""
        if every is not None and not SHORTEST_INTERVAL <= every <= LONGEST:
            detail = (
                f"An operation is done every {format_duration(SHORTEST_INTERVAL)} at most and every"
                f" {format_duration(LONGEST)} at least; this is {format_duration(every)}."
            )
            raise Invalid(FieldProblem("/every", "OUT_OF_RANGE", detail))
        self.every = every
        self.next_run_at = min(self.next_run_at, now + self.interval(terms))

    def begin(self, execution: ExecutionId, terms: OperationTerms, now: datetime) -> None:
        """It runs. If nobody is heard of again, it is due when the lock is free."""
        self.execution = execution
        self.next_run_at = now + terms.held_at_most

    def succeed(self, terms: OperationTerms, now: datetime) -> None:
        """Its execution did what was to be done."""
        self.failures = 0
        self.next_run_at = now + self.interval(terms)

    def fail(self, terms: OperationTerms, now: datetime) -> None:
        """Its execution failed; soon it is tried again."""
        self.failures += 1
        self.next_run_at = now + min(self.interval(terms), FIRST_RETRY * 2 ** min(self.failures - 1, 16))

    def stop(self, now: datetime) -> None:
        """Its node ends in the middle of it: another one is to go on."""
        self.next_run_at = now
