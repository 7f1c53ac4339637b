"""The documents of the REST API as they are on the wire: names in camelCase, instants as RFC 3339 text in UTC.

They are plain dictionaries. The API only grows, so a document may have members that are not listed here, and an
enumeration values that are not known here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, TypedDict, TypeVar

T = TypeVar("T")

JobDocument = Mapping[str, Any]
"""A job as one writes it: `name`, `type` and `trigger` are needed, the rest has defaults."""


class Page(TypedDict, Generic[T]):
    """One page of a list; `nextCursor` is None on the last."""

    items: list[T]
    nextCursor: str | None


class ComingChange(TypedDict):
    """What a job will be from `effectiveFrom` on, and who has said so."""

    effectiveFrom: str
    definition: dict[str, Any]
    by: str


class Job(TypedDict, total=False):
    """A job: its document, and what the server knows about it."""

    id: str
    name: str
    description: str
    type: str
    status: str
    statusReason: str | None
    trigger: dict[str, Any]
    parameters: dict[str, Any]
    priority: int
    tags: list[str]
    version: int
    nextFireAt: str | None
    lastFireAt: str | None
    exhausted: bool
    createdAt: str
    updatedAt: str
    comingChange: ComingChange | None


class Occurrence(TypedDict, total=False):
    """What became of a planned fire: FIRED, SKIPPED with a reason, … `count`: for how many fires it stands."""

    nominalAt: str
    plannedAt: str
    decision: str
    reason: str | None
    count: int
    taskId: str | None
    decidedAt: str
    lagSeconds: float


class Task(TypedDict, total=False):
    """One execution of a job, with up to `maxAttempts` attempts. `stopping`: ended, and its executor not yet done."""

    id: str
    jobId: str | None
    jobName: str | None
    runId: str
    status: str
    statusReason: str | None
    stopping: bool
    attempt: int
    maxAttempts: int
    priority: int
    scheduledTime: str | None
    readyAt: str | None
    executorId: str | None
    startedAt: str | None
    endedAt: str | None
    parameters: dict[str, Any]
    result: Any
    error: dict[str, Any] | None
    progress: float | None
    progressMessage: str | None
    version: int
    createdAt: str


class Attempt(TypedDict, total=False):
    """One try of a task on one executor."""

    attempt: int
    status: str
    executorId: str | None
    token: int | None
    claimedAt: str | None
    startedAt: str | None
    endedAt: str | None
    error: dict[str, Any] | None


class Orphan(TypedDict):
    """What an executor reported that had lost the lease of a task; it has changed nothing."""

    token: int
    executorId: str
    reportedAt: str
    status: str
    result: Any
    error: dict[str, Any] | None


class Explanation(TypedDict):
    """Why it is not running or has not fired. Reasons have `code`, `detail`, `fix`, `until`, `facts`; nearest first."""

    at: str
    reasons: list[dict[str, Any]]
    earliestStartAt: str | None


class FailureGroup(TypedDict, total=False):
    """Tasks that failed alike. `jobs` have a `name` and a `count`, the most frequent first."""

    fingerprint: str
    code: str
    message: str
    count: int
    jobs: list[dict[str, Any]]
    jobCount: int
    firstAt: str
    lastAt: str
    lastTaskId: str


class Redriven(TypedDict):
    """How many tasks are tried again, the last of them from `lastReadyAt`."""

    count: int
    lastReadyAt: str | None
    dryRun: bool


class LogLine(TypedDict, total=False):
    """A line of a task's log. `stream` is `stdout`, `stderr` or the handler's own.

    In a followed log some lines carry a `cursor`: the log can be read on after them.
    """

    at: str
    attempt: int
    level: str
    stream: str
    message: str
    cursor: str


class Executor(TypedDict, total=False):
    """A process that runs tasks, and its present session."""

    id: str
    status: str
    statusReason: str | None
    host: str
    version: str
    pool: str
    labels: dict[str, str]
    types: list[str]
    handlers: list[str]
    maxConcurrentTasks: int
    runningTasks: int
    registeredAt: str
    lastHeartbeatAt: str


class ClusterStatus(TypedDict, total=False):
    """Executors by status, their slots, live tasks by status; a status that nobody has is left out."""

    executors: dict[str, int]
    totalSlots: int
    usedSlots: int
    tasks: dict[str, int]


class ScheduleFinding(TypedDict, total=False):
    """One thing that is wrong with a schedule, and how to mend it."""

    finding: str
    status: str
    detail: str
    mend: str


class JobHealth(TypedDict, total=False):
    """`status`: OK, WARNING or ERROR, that of the worst finding."""

    jobId: str
    status: str
    findings: list[ScheduleFinding]
    dueAt: str | None
    lastNominalAt: str | None


class Applied(TypedDict, total=False):
    """What `apply` did with one job: `action` is CREATED, UPDATED, UNCHANGED or FAILED (with a `problem`).

    In a dry run `fireChanges` has the fires that come (`added`) and go (`removed`) in the next days.
    """

    name: str
    action: str
    jobId: str
    nextFireAt: str | None
    problem: dict[str, Any]
    fireChanges: dict[str, Any] | None


Backfill = TypedDict(
    "Backfill",
    {
        "id": str,
        "jobId": str,
        "jobName": str,
        "from": str,
        "to": str,
        "order": str,
        "overlap": str,
        "status": str,
        "statusReason": str | None,
        "progress": float,
        "fired": int,
        "alreadyFired": int,
        "count": int,
        "exact": bool,
        "times": list[str],
    },
    total=False,
)
"""Fires of the past that are made up for; `count`, `exact` and `times` are those of a dry run."""
