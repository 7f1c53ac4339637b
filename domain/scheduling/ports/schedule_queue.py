"""Schedule rows: due ones by the hundred, one alone when its job changes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.scheduling.ids import JobId, TaskId
from domain.scheduling.occurrence import Decision, Occurrence
from domain.scheduling.schedule import Schedule
from domain.scheduling.task import NewTask
from domain.timing.trigger import Trigger


@dataclass(frozen=True, slots=True, kw_only=True)
class Fired:
    """What a batch of decisions changes, written as sets in one go:

    ledger entries, tasks, and the schedules afterwards.
    """

    occurrences: Sequence[Occurrence]
    tasks: Sequence[NewTask]
    schedules: Sequence[Schedule]


class ScheduleQueue(Protocol):
    """Taking a schedule locks its row for this unit of work; that lock is what makes overlap hold cluster-wide."""

    @abstractmethod
    async def take_due(self, now: datetime, limit: int, since: datetime | None = None) -> Sequence[Schedule]:
        """At most `limit` schedules due at `now`, the longest due first, skipping those that another node holds.

        With `since` only those that are due no longer than that.
        """

    @abstractmethod
    async def take(self, job_id: JobId) -> Schedule:
        """The schedule of one job, waiting for whoever holds it. Raises `JobNotFound`."""

    @abstractmethod
    async def triggers(self, job_ids: Sequence[JobId]) -> Mapping[JobId, Trigger]:
        """The triggers of the present versions of these jobs; one that cannot be read is left out."""

    @abstractmethod
    async def record(self, fired: Fired) -> None:
        """Write decisions, tasks and schedules as sets.

        A FIRED entry whose (job, fire key) exists raises `AlreadyFired`.
        """

    @abstractmethod
    async def supersede(
        self, task_ids: Sequence[TaskId], reason: str, decision: Decision = Decision.SUPERSEDED
    ) -> None:
        """Fires that were BUFFERED under these tasks will not have their turn, and the ledger says why."""

    @abstractmethod
    async def waiting(self, job_id: JobId) -> Sequence[TaskId]:
        """The tasks of the fires of a job that wait for their turn. Ask under the lock of its schedule."""

    @abstractmethod
    async def put(self, schedule: Schedule) -> None:
        """Insert or replace one schedule, healthy again; its `due_at` says when it is looked at."""

    @abstractmethod
    async def keep_skips(self, schedule: Schedule) -> None:
        """Write which fires of this schedule are to be left out, and nothing else of it."""

    @abstractmethod
    async def set_aside(self, job_id: JobId, error: str, retry_at: datetime) -> None:
        """Health ERROR; looked at again at `retry_at`, only this one schedule."""

    @abstractmethod
    async def refill(self, schedules: Sequence[Schedule]) -> None:
        """Write the known times of these schedules, unless they have fired or changed meanwhile."""

    @abstractmethod
    async def next_due(self) -> datetime | None:
        """When the next schedule is due, or None."""
