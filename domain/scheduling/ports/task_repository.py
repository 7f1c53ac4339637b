"""Whole tasks, one at a time."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
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
    async def next_token(self) -> int:
        """A fencing token, higher than all before it on the platform."""

    @abstractmethod
    async def save(self, task: TaskInstance) -> None:
        """Update it; a final one that is not stopping moves to history. Its events go to the outbox.

        Raises `StaleVersion`.
        """
