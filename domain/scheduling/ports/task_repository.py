"""Whole tasks, one at a time."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Sequence
from typing import Protocol

from domain.scheduling.ids import JobId, TaskId
from domain.scheduling.task import TaskInstance
from domain.shared.ids import TenantId


class TaskRepository(Protocol):
    """Single tasks, for decisions that need the aggregate."""

    @abstractmethod
    async def get(self, tenant: TenantId, task_id: TaskId) -> TaskInstance:
        """The live task, locked; one from history as it ended. Raises `TaskNotFound`."""

    @abstractmethod
    async def live_of(self, tenant: TenantId, job_id: JobId) -> Sequence[TaskInstance]:
        """The live tasks of a job, locked, oldest first."""

    @abstractmethod
    async def live_fires_of(self, jobs: Collection[JobId]) -> Sequence[TaskInstance]:
        """The live tasks of several jobs but those that were asked for directly, locked, oldest first.

        One order for all of them: whoever reports on some at that moment waits for this one, or this one for him.
        """

    @abstractmethod
    async def with_key(self, tenant: TenantId, unique_key: str) -> TaskId | None:
        """The live task that has this key."""

    @abstractmethod
    async def name(self, task_id: TaskId, unique_key: str) -> None:
        """Give a key to a task that was created in this unit of work. Raises `UniqueKeyTaken`."""

    @abstractmethod
    async def next_token(self) -> int:
        """A fencing token, higher than all before it on the platform."""

    @abstractmethod
    async def save(self, task: TaskInstance) -> None:
        """Update it; a final one that is not stopping moves to history, a reopened one comes back from there.

        The ledger follows: a fire that was BUFFERED under it was dropped, or it has begun when the task is assigned.
        Its events go to the outbox. Raises `StaleVersion`, `UniqueKeyTaken`.
        """
