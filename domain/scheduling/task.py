"""A task: one execution of a job, with up to `max_attempts` attempts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from domain.scheduling.errors import IllegalTaskState, IllegalTransition, LeaseLost
from domain.scheduling.events import TaskAssigned, TaskCancelled, TaskRetryScheduled
from domain.scheduling.fingerprint import fingerprint
from domain.scheduling.ids import ExecutorId, JobId, LaneId, RunId, TaskId
from domain.scheduling.limits import NO_KEYS, TaskKeys
from domain.scheduling.priority import Priority
from domain.scheduling.task_status import HELD, Gate, TaskStatus
from domain.shared.aggregate import Aggregate
from domain.shared.ids import TenantId
from domain.shared.json_value import JsonText

STOP_GRACE = timedelta(seconds=60)
"""How long an attempt that the server ended may take to stop before it is taken for stopped."""


_S = TaskStatus
ALLOWED_ACTIONS: Mapping[TaskStatus, tuple[str, ...]] = MappingProxyType(
    {
        _S.BLOCKED: ("cancel", "rerun"),
        _S.PENDING: ("assign", "cancel", "rerun"),
        _S.ASSIGNED: ("start", "fail", "log", "cancel", "rerun"),
        _S.RUNNING: ("complete", "fail", "log", "progress", "checkpoint", "cancel", "rerun"),
        _S.WAITING_RETRY: ("assign", "cancel", "rerun"),
        _S.COMPLETED: ("rerun",),
        _S.FAILED: ("retry", "rerun"),
        _S.TIMEOUT: ("retry", "rerun"),
        _S.CANCELLED: ("retry", "rerun"),
        _S.SKIPPED: ("rerun",),
    }
)
"""What may be done to a task, one at a time and by name."""

SATISFIED_BY: Mapping[str, TaskStatus] = MappingProxyType(
    {"start": _S.RUNNING, "complete": _S.COMPLETED, "fail": _S.FAILED}
)
"""The state in which an executor's verb has been done already, so that repeating it is harmless."""


class Origin(StrEnum):
    """What caused a task. DIRECT ones neither obey nor count for the job's overlap policy."""

    SCHEDULE = "SCHEDULE"
    EVENT = "EVENT"
    DEPENDENCY = "DEPENDENCY"
    MANUAL = "MANUAL"
    BACKFILL = "BACKFILL"
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

    @property
    def fingerprint(self) -> str:
        """The same for failures that are alike, see `domain.scheduling.fingerprint`."""
        return fingerprint(self.code, self.message, self.stack)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTask:
    """A task about to be created; what it does not say (type, lane, priority, limits) is its job's at `job_version`.

    `parameters` and `priority` None = the job's own. `scheduled_time` is the planned instant; before it the task waits
    behind gate TIME. Keys that `keys` does not say are the job's, too. `wait_until`: how long one behind gate
    DEPENDENCY waits at most; None = as long as it takes.
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
    priority: Priority | None = None
    keys: TaskKeys = NO_KEYS
    wait_until: datetime | None = None


@dataclass(eq=False, slots=True, kw_only=True)
class TaskInstance(Aggregate):
    """A task, for decisions about one of them; settling thousands goes by `settlement`.

    `lease` is that of the last attempt, also after its end. `is_undelivered`: it was assigned by name, and its executor
    has not fetched it yet.
    """

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
    lane: LaneId
    gate: Gate | None = None
    is_undelivered: bool = False

    @property
    def allowed_actions(self) -> tuple[str, ...]:
        """What may be done to it now; to a stopping one nothing but asking for another like it."""
        return ("rerun",) if self.is_stopping else ALLOWED_ACTIONS[self.status]

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
        held = (self.status in HELD and not self.is_undelivered) or self.is_stopping
        if not self.status.can_become(TaskStatus.CANCELLED):
            raise IllegalTransition(self.id, self.status, TaskStatus.CANCELLED, self.allowed_actions)
        if held and self.stopping_until is None:
            self.stopping_until = now + grace
        self.status, self.status_reason, self.ended_at = TaskStatus.CANCELLED, reason, now
        self._record(
            TaskCancelled(occurred_at=now, task_id=self.id, job_id=self.job_id, job_name=self.job_name, reason=reason)
        )

    def assign(self, lease: Lease, now: datetime) -> None:
        """Give it to an executor by name, even before its time; it is delivered with that executor's next claim.

        Counts as an attempt. Raises `IllegalTaskState` unless it waits.
        """
        self._require("assign")
        self.status, self.gate, self.lease = TaskStatus.ASSIGNED, None, lease
        self.attempt, self.is_undelivered = self.attempt + 1, True
        self._record(
            TaskAssigned(
                occurred_at=now,
                task_id=self.id,
                job_id=self.job_id,
                job_name=self.job_name,
                executor_id=lease.executor_id,
                attempt=self.attempt,
            )
        )

    def reopen(self, reason: str | None, now: datetime) -> None:
        """An operator's retry: the same task is claimable again at once, for one more attempt.

        Raises `IllegalTaskState` unless it has ended without success.
        """
        self._require("retry")
        self.status, self.status_reason, self.ended_at, self.lease = TaskStatus.PENDING, reason, None, None
        self._record(
            TaskRetryScheduled(
                occurred_at=now,
                task_id=self.id,
                job_id=self.job_id,
                job_name=self.job_name,
                attempt=self.attempt,
                reason=reason,
            )
        )

    def lease_for(self, action: str, executor_id: ExecutorId, token: int | None) -> Lease | None:
        """The lease under which the executor may do `action` to the present attempt; None if it has done so already.

        Without a token the executor means the attempt that it holds. Raises `LeaseLost`, `IllegalTaskState`.
        """
        lease, why = self.lease, None
        if lease is None:
            self._require(action)
            why = "nobody does"
        elif lease.executor_id != executor_id:
            why = f"it was given to {lease.executor_id!r}"
        elif token not in (None, lease.token):
            why = f"token {token} is not that of its present attempt"
        if lease is None or why is not None:
            raise LeaseLost(self.id, executor_id, why or "", self.status, self.allowed_actions)
        if SATISFIED_BY.get(action) is self.status:
            return None
        self._require(action)
        return lease

    def _require(self, action: str) -> None:
        if action not in self.allowed_actions:
            raise IllegalTaskState(self.id, self.status, action, self.allowed_actions)
