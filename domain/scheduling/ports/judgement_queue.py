"""Who has to be judged because an upstream has ended, and the tasks that wait for that."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.scheduling.ids import JobId, LaneId, RunId, TaskId
from domain.scheduling.task import TaskError
from domain.scheduling.task_status import TaskStatus
from domain.shared.ids import TenantId
from domain.shared.json_value import JsonText


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """In `run_id` a task has ended, or has begun to wait, that concerns the job."""

    tenant: TenantId
    job_id: JobId
    run_id: RunId


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A task that is BLOCKED by its dependencies. `nominal` is the time that matches go by.

    `parameters` only if they have places that upstreams may fill.
    """

    task_id: TaskId
    tenant: TenantId
    job_id: JobId
    run_id: RunId
    nominal: datetime
    wait_until: datetime | None
    parameters: JsonText | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """The end of a task that never ran. `cause` is the task of an upstream that is to blame."""

    task_id: TaskId
    status: TaskStatus
    reason: str
    error: TaskError | None = None
    cause: TaskId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A task that never ran, because of how another one had ended."""

    task_id: TaskId
    job_id: JobId
    job_name: str


class JudgementQueue(Protocol):
    """What ends a task for good leaves judgements in the same transaction; here they are taken after its commit."""

    @abstractmethod
    async def take(self, limit: int) -> Sequence[Judgement]:
        """The oldest ones, gone with this unit of work, skipping those that others hold. Each is told once."""

    @abstractmethod
    async def ask_again(self, job_id: JobId) -> None:
        """Leave judgements for the tasks of the job that wait for their dependencies, which are not what they were."""

    @abstractmethod
    async def overdue(self, now: datetime, limit: int) -> Sequence[Waiting]:
        """Tasks that have waited as long as they may."""

    @abstractmethod
    async def waiting(self, job_ids: Collection[JobId]) -> Sequence[Waiting]:
        """All tasks of these jobs that wait for their dependencies, locked, skipping those that others hold."""

    @abstractmethod
    async def next_timeout(self) -> datetime | None:
        """When the next task has waited as long as it may."""

    @abstractmethod
    async def release(self, tasks: Mapping[TaskId, JsonText | None]) -> Mapping[LaneId, int]:
        """They wait no more and stand in their lanes, some with new parameters; how many in which lane."""

    @abstractmethod
    async def conclude(self, conclusions: Sequence[Conclusion]) -> None:
        """Waiting tasks end so, with their events and the judgements that follow."""

    @abstractmethod
    async def left_out(self, cause: TaskId) -> Sequence[LeftOut]:
        """What never ran because of how this task ended, and what never ran because of those, and so on.

        Without tasks whose jobs depend on nothing any more.
        """

    @abstractmethod
    async def wait_again(self, tasks: Mapping[TaskId, datetime], reason: str | None) -> Sequence[TaskId]:
        """Tasks that ended before their first attempt wait for their dependencies once more, each until then.

        They leave judgements. Which did come back.
        """

    @abstractmethod
    async def complete_workflows(self, limit: int) -> Sequence[TaskId]:
        """Tasks of WORKFLOW jobs that stand in their lanes complete by themselves; which."""
