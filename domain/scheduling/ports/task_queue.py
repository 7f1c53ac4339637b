"""Tasks by the thousand inside a unit of work: one statement a call, no aggregates."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.scheduling.ids import ExecutorId, LaneId, TaskId
from domain.scheduling.settlement import Attempt, Settlement
from domain.scheduling.task import NewTask


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One life of an executor."""

    executor_id: ExecutorId
    epoch: int


class TaskQueue(Protocol):
    """Taking locks the rows and skips those that others hold."""

    @abstractmethod
    async def add(self, tasks: Sequence[NewTask]) -> Mapping[LaneId, int]:
        """Create them, each with its job's present settings; how many came to stand in which lane.

        `JobNotFound` for an unknown job.
        """

    @abstractmethod
    async def settle(self, settlements: Sequence[Settlement]) -> Sequence[TaskId]:
        """Apply those whose task is held under their token; return the ids applied. Writes attempts and events too."""

    @abstractmethod
    async def take_overdue(self, now: datetime, limit: int) -> Sequence[Attempt]:
        """Held attempts whose deadline, or that of their task, has passed and that are not stopping."""

    @abstractmethod
    async def time_out_waiting(self, now: datetime, limit: int) -> Sequence[TaskId]:
        """End those that wait and whose queue or total timeout is over, with their events; which."""

    @abstractmethod
    async def take_held(self, session: Session, among: Sequence[TaskId] | None = None) -> Sequence[Attempt]:
        """What the session holds and is not stopping, or only those `among` it."""

    @abstractmethod
    async def take_abandoned(self, limit: int) -> Sequence[Attempt]:
        """Attempts that a session holds which is over: their claim was committed while the session ended."""

    @abstractmethod
    async def let_go(self, session: Session) -> int:
        """The session is over: what it was stopping has stopped. How many."""

    @abstractmethod
    async def let_go_expired(self, now: datetime, limit: int) -> int:
        """Stopping attempts whose grace is over, or whose session is, have stopped. How many.

        They may have been told to stop while their session ended.
        """

    @abstractmethod
    async def open_due(self, now: datetime, limit: int) -> Mapping[LaneId, int]:
        """Open gate TIME of tasks that are ready; how many came to stand in which lane. Those with limits do not."""

    @abstractmethod
    async def next_opening(self) -> datetime | None:
        """When the next gate TIME opens, or None."""
