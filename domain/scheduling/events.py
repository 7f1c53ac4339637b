"""What happens to jobs, tasks and executors, as facts that others may react to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from domain.scheduling.ids import ExecutorId, JobId, TaskId
from domain.shared.events import DomainEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEvent(DomainEvent):
    """`version` is the definition's version after the change, `reason` what the caller gave."""

    job_id: JobId
    job_name: str
    version: int
    reason: str | None = None


class JobCreated(JobEvent):
    __slots__ = ()
    type: ClassVar[str] = "JobCreated"


class JobUpdated(JobEvent):
    __slots__ = ()
    type: ClassVar[str] = "JobUpdated"


class JobActivated(JobEvent):
    __slots__ = ()
    type: ClassVar[str] = "JobActivated"


class JobPaused(JobEvent):
    __slots__ = ()
    type: ClassVar[str] = "JobPaused"


class JobResumed(JobEvent):
    __slots__ = ()
    type: ClassVar[str] = "JobResumed"


class JobDisabled(JobEvent):
    __slots__ = ()
    type: ClassVar[str] = "JobDisabled"


class JobDeleted(JobEvent):
    __slots__ = ()
    type: ClassVar[str] = "JobDeleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleFailed(DomainEvent):
    """A schedule could not be evaluated and is set aside until `retry_at`."""

    type: ClassVar[str] = "ScheduleFailed"
    job_id: JobId
    error: str
    retry_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FireSkipped(DomainEvent):
    """A fire to come is to be left out; once its time has come, `OccurrenceDecided` says so."""

    type: ClassVar[str] = "FireSkipped"
    job_id: JobId
    job_name: str
    nominal_at: datetime
    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FireReinstated(DomainEvent):
    """A fire that was to be left out will run after all."""

    type: ClassVar[str] = "FireReinstated"
    job_id: JobId
    job_name: str
    nominal_at: datetime
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleHealthChanged(DomainEvent):
    """What is found to be wrong with a schedule is not what it was; `status` OK: nothing any more."""

    type: ClassVar[str] = "ScheduleHealthChanged"
    job_id: JobId
    status: str
    ailments: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OccurrenceDecided(DomainEvent):
    """An entry of the ledger: what became of `count` planned fires, the last at `nominal_at`."""

    type: ClassVar[str] = "OccurrenceDecided"
    job_id: JobId
    fire_key: str
    nominal_at: datetime
    decision: str
    count: int
    task_id: TaskId | None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCreated(DomainEvent):
    type: ClassVar[str] = "TaskCreated"
    task_id: TaskId
    job_id: JobId
    scheduled_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskAssigned(DomainEvent):
    """Somebody gave the task to an executor by name; what executors take for themselves is not told one by one."""

    type: ClassVar[str] = "TaskAssigned"
    task_id: TaskId
    job_id: JobId
    job_name: str
    executor_id: ExecutorId
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRetryScheduled(DomainEvent):
    """An operator has sent an ended task back to the queue; retries of the policy are told where attempts end."""

    type: ClassVar[str] = "TaskRetryScheduled"
    task_id: TaskId
    job_id: JobId
    job_name: str
    attempt: int
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCancelled(DomainEvent):
    type: ClassVar[str] = "TaskCancelled"
    task_id: TaskId
    job_id: JobId
    job_name: str
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorEvent(DomainEvent):
    executor_id: ExecutorId
    epoch: int
    reason: str | None = None


class ExecutorRegistered(ExecutorEvent):
    __slots__ = ()
    type: ClassVar[str] = "ExecutorRegistered"


class ExecutorOnline(ExecutorEvent):
    __slots__ = ()
    type: ClassVar[str] = "ExecutorOnline"


class ExecutorOffline(ExecutorEvent):
    __slots__ = ()
    type: ClassVar[str] = "ExecutorOffline"


class ExecutorDraining(ExecutorEvent):
    __slots__ = ()
    type: ClassVar[str] = "ExecutorDraining"


class ExecutorLost(ExecutorEvent):
    __slots__ = ()
    type: ClassVar[str] = "ExecutorLost"
