"""A task: one execution of a job, with up to `max_attempts` attempts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from domain.scheduling.errors import IllegalTransition
from domain.scheduling.events import TaskCancelled
from domain.scheduling.ids import ExecutorId, JobId, RunId, TaskId
from domain.scheduling.task_status import HELD, Gate, TaskStatus
from domain.shared.aggregate import Aggregate
from domain.shared.ids import TenantId
from domain.shared.json_value import JsonText

STOP_GRACE = timedelta(seconds=60)
"""How long an attempt that the server ended may take to stop before it is taken for stopped."""


class Origin(StrEnum):
    """What caused a task. DIRECT ones neither obey nor count for the job's overlap policy."""

    SCHEDULE = "SCHEDULE"
    MANUAL = "MANUAL"
    DIRECT = "DIRECT"


@dataclass(frozen=True, slots=True)
class Lease:
    """Who may report on a task. The token rises with every claim on the whole platform: a fencing token."""

    executor_id: ExecutorId
    epoch: int
    token: int


@dataclass(frozen=True, slots=True)
class TaskError:
    """Why an attempt failed. `code` is the handler's or the platform's, `stack` its trace if there is one."""

    code: str
    message: str
    stack: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTask:
    """A task about to be created; what it does not say (type, lane, priority, limits) is its job's at `job_version`.

    `parameters` None = the job's own. `scheduled_time` is the planned instant; before it the task waits behind gate
    TIME.
    """

    id: TaskId
    job_id: JobId
    job_version: int
    run_id: RunId
    origin: Origin
    fire_key: str | None
    nominal_at: datetime | None
    scheduled_time: datetime
    gate: Gate | None
    parameters: JsonText | None = None


@dataclass(eq=False, slots=True, kw_only=True)
class TaskInstance(Aggregate):
    """A live task, for decisions about one of them; settling thousands goes by `settlement`."""

    id: TaskId
    tenant: TenantId
    job_id: JobId
    job_name: str
    status: TaskStatus
    attempt: int
    lease: Lease | None
    stopping_until: datetime | None = None
    status_reason: str | None = None
    ended_at: datetime | None = None

    @property
    def is_stopping(self) -> bool:
        """Whether the server ended the attempt and its executor has not let go yet."""
        return self.stopping_until is not None

    def cancel(self, reason: str | None, now: datetime, grace: timedelta = STOP_GRACE) -> None:
        """End it on request; a held one keeps its lease until it has stopped. Repeating is a no-op.

        Raises `IllegalTransition` when it has ended otherwise.
        """
        if self.status is TaskStatus.CANCELLED:
            return
        held = self.status in HELD or self.is_stopping
        if not self.status.can_become(TaskStatus.CANCELLED):
            raise IllegalTransition(self.id, self.status, TaskStatus.CANCELLED)
        if held and self.stopping_until is None:
            self.stopping_until = now + grace
        self.status, self.status_reason, self.ended_at = TaskStatus.CANCELLED, reason, now
        self._record(
            TaskCancelled(occurred_at=now, task_id=self.id, job_id=self.job_id, job_name=self.job_name, reason=reason)
        )
