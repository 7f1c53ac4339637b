"""What readers of scheduling see, in the shape of the API."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec


class View(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """JSON in camelCase; instants in UTC."""


class ComingChangeView(View, frozen=True, kw_only=True):
    """What a job will be from `effective_from` on, and who has said so."""

    effective_from: datetime
    definition: msgspec.Raw
    by: str


class JobView(View, frozen=True, kw_only=True):
    """A job; `trigger` to `tags` are its definition as it was given, defaults filled in."""

    id: UUID
    name: str
    type: str
    status: str
    status_reason: str | None
    description: str
    handler: str | None
    parameters: msgspec.Raw
    trigger: msgspec.Raw
    priority: int
    retry: msgspec.Raw
    timeouts: msgspec.Raw
    overlap: str
    misfire: msgspec.Raw
    placement: msgspec.Raw
    dependencies: msgspec.Raw
    dependency_policy: msgspec.Raw
    concurrency: msgspec.Raw
    rate_limit: msgspec.Raw
    fairness: msgspec.Raw
    tags: list[str]
    owner: str | None
    version: int
    next_fire_at: datetime | None
    last_fire_at: datetime | None
    exhausted: bool
    health_error: str | None
    created_at: datetime
    created_by: str
    updated_at: datetime
    updated_by: str
    coming_change: ComingChangeView | None = None


class JobVersionView(View, frozen=True, kw_only=True):
    """What a job was defined to be, from `created_at` until the next version."""

    version: int
    definition: msgspec.Raw
    created_at: datetime
    created_by: str


class ErrorView(View, frozen=True, kw_only=True):
    """Why an attempt failed. Failures that are alike have the same `fingerprint`."""

    code: str
    message: str
    stack: str | None = None
    fingerprint: str | None = None


class TaskView(View, frozen=True, kw_only=True):
    """A task, live or from history. `lost` and `snoozed` attempts do not count towards `max_attempts`."""

    id: UUID
    job_id: UUID
    job_name: str
    job_version: int
    run_id: UUID
    origin: str
    status: str
    status_reason: str | None
    gate: str | None
    stopping: bool
    attempt: int
    max_attempts: int
    lost: int
    snoozed: int
    priority: int
    nominal_at: datetime | None
    scheduled_time: datetime
    ready_at: datetime
    executor_id: str | None
    token: int | None
    claimed_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    deadline_at: datetime | None
    parameters: msgspec.Raw
    result: msgspec.Raw | None
    error: ErrorView | None
    progress: float | None
    progress_message: str | None
    created_at: datetime


class FailingJobView(View, frozen=True, kw_only=True):
    """A job, and how many of its tasks failed alike."""

    name: str
    count: int


class FailureGroupView(View, frozen=True, kw_only=True):
    """Tasks that ended FAILED or TIMEOUT with errors that are alike.

    `jobs` are those that it befell most often, `job_count` says how many there are. `message` is that of the last task.
    """

    fingerprint: str
    code: str
    message: str
    count: int
    jobs: list[FailingJobView]
    job_count: int
    first_at: datetime
    last_at: datetime
    last_task_id: UUID


class AttemptView(View, frozen=True, kw_only=True):
    """One try of a task. The last one has no `ended_at` while it runs."""

    attempt: int
    status: str
    executor_id: str | None
    token: int | None
    claimed_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    error: ErrorView | None


class OrphanView(View, frozen=True, kw_only=True):
    """What an executor reported that had lost the lease of the task; it has changed nothing.

    `status` is how the attempt would have ended.
    """

    token: int
    executor_id: str
    reported_at: datetime
    status: str
    result: msgspec.Raw | None
    error: ErrorView | None


class LogLineView(View, frozen=True, kw_only=True):
    """One line of a task's log. `at` is the executor's time."""

    at: datetime
    attempt: int
    level: str
    stream: str | None
    message: str


class OccurrenceView(View, frozen=True, kw_only=True):
    """One entry of the ledger."""

    nominal_at: datetime
    planned_at: datetime
    decision: str
    reason: str | None
    count: int
    first_nominal_at: datetime
    last_nominal_at: datetime
    task_id: UUID | None
    fire_key: str
    job_version: int
    tzdata_version: str
    decided_at: datetime
    lag_seconds: float


class OverlongTaskView(View, frozen=True, kw_only=True):
    """A task that runs longer than usual. `usualSeconds`: 95 % of the latest completed runs of its job took no longer;
    null if none has completed yet.
    """

    id: UUID
    job_name: str
    started_at: datetime
    usual_seconds: float | None


class ExecutorView(View, frozen=True, kw_only=True):
    """An executor and its present session.

    `clockOffsetSeconds`: how far its clock is ahead of the database's, as its heartbeats show; nothing depends on it.
    `stalled`: since `stalledSince` all that it runs takes more than twice as long as usual; `overlongTasks` are the
    first twenty of them. Nothing is done about it: a timeout of the job would.
    """

    id: str
    status: str
    status_reason: str | None
    epoch: int
    host: str
    version: str
    pool: str
    labels: dict[str, str]
    types: list[str]
    handlers: list[str]
    max_concurrent_tasks: int
    running_tasks: int
    registered_at: datetime
    last_heartbeat_at: datetime
    clock_offset_seconds: float | None = None
    stalled: bool = False
    stalled_since: datetime | None = None
    overlong_tasks: list[OverlongTaskView] = []


class StoppedView(View, frozen=True, kw_only=True):
    """A kill switch that is off: FIRING, CLAIMING, or POOL with the pool's name."""

    kind: str
    pool: str | None
    reason: str
    since: datetime
    by: str


class ClusterView(View, frozen=True, kw_only=True):
    """Executors by status, their slots, and live tasks by status; a status that nobody has is left out."""

    stopped: list[StoppedView]

    executors: dict[str, int]
    total_slots: int
    used_slots: int
    tasks: dict[str, int]
