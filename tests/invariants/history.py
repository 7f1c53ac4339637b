"""What happened in a run, as plain values: by the store, by the executors' own files, by the clients' calls.

Whoever runs the platform under faults records this; the checks know nothing of how it was run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A definition, as far as promises hang on it.

    `period`: of a CRON trigger that fires at multiples of it, or of a FIXED_RATE; `delay`: of a FIXED_DELAY; `instant`:
    of a ONE_TIME. `follows`: the name of the job after whose success it runs, in the same run or at the same time of
    its schedule. `limit`: tasks under way at a time. `backoff`: the wait after the first failure, doubled each time.
    """

    id: str
    name: str
    trigger: str = "MANUAL"
    period: timedelta | None = None
    delay: timedelta | None = None
    instant: datetime | None = None
    follows: str | None = None
    catches_up: bool = False
    overlaps: bool = True
    max_attempts: int = 3
    max_lost: int = 3
    backoff: timedelta = timedelta(0)
    timeout: timedelta | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What a task is from its creation; `mark` names the client's call that asked for it."""

    id: str
    job: str
    fire_key: str | None = None
    unique_key: str | None = None
    mark: str | None = None
    run: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskState:
    """A row of a task; `live` is false once it stands in history, `stopping` while its executor has yet to let go."""

    status: str
    attempt: int
    ready_at: datetime
    scheduled_time: datetime
    token: int | None = None
    executor: str | None = None
    epoch: int | None = None
    lost: int = 0
    stopping: bool = False
    live: bool = True
    deadline_at: datetime | None = None
    ended_at: datetime | None = None
    error: str | None = None
    result: object = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskChange:
    """A committed change of one task. `began` and `at` enclose the moment at which it was decided.

    Changes of one task stand in the order in which they happened; of different tasks, what follows from another change
    stands behind it.
    """

    tx: str
    began: datetime
    at: datetime
    task: str
    old: TaskState | None
    new: TaskState

    @property
    def is_grant(self) -> bool:
        """Whether somebody got the task."""
        return self.new.token is not None and (self.old is None or self.old.token != self.new.token)

    @property
    def moves(self) -> bool:
        return self.old is None or self.old.status != self.new.status


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A decision of the ledger about `count` fires, the last at `nominal`."""

    job: str
    fire_key: str
    decision: str
    first_nominal: datetime
    nominal: datetime
    count: int
    decided_at: datetime
    task: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionChange:
    """A change of an executor's row; `lost`: it went offline because nothing was heard of it since `last_beat`."""

    at: datetime
    executor: str
    epoch: int
    status: str
    last_beat: datetime
    lost: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleChange:
    """A change of a schedule's row; `last_nominal` is the last time that was decided."""

    at: datetime
    job: str
    version: int
    last_nominal: datetime | None
    fired: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event of the outbox; `id` is its place there, and rises."""

    id: tuple[int, int]
    tx: str
    type: str
    task: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What an executor wrote to a file of its own: it began with a task, and how that ended, if it did.

    `how`: DONE, FAILED or STOPPED.
    """

    executor: str
    task: str
    token: int
    began_at: datetime
    ended_at: datetime | None = None
    how: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lie:
    """A false report, and what the platform said to it."""

    executor: str
    kind: str
    outcome: str


class Outcome(StrEnum):
    """OK and REFUSED were answered; of UNKNOWN nobody heard whether it took effect."""

    OK = "OK"
    REFUSED = "REFUSED"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A client's call. `what`: SUBMIT, CANCEL, CREATE, PAUSE, RESUME, LOCK; `key` tells which one it was.

    `mark` is written into what it makes; `subject` is what the answer named. `until`: a lock is given up by then.
    """

    what: str
    key: str
    invoked_at: datetime
    answered_at: datetime
    outcome: Outcome
    mark: str | None = None
    subject: str | None = None
    token: int | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What was done to whom, from when until it was mended."""

    kind: str
    target: str
    began_at: datetime
    ended_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Healed:
    """What a node or executor shows when all has been quiet for a while."""

    name: str
    ready: bool
    complaints: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """A heartbeat that an executor sent and that was answered."""

    executor: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """`silence`: after which an executor is lost; `recovery`: what the platform may take for anything, faults aside."""

    silence: timedelta
    recovery: timedelta


@dataclass(frozen=True, kw_only=True)
class History:
    """A whole run; `read_at` is when the store was read last, after everything had ended."""

    bounds: Bounds
    read_at: datetime
    jobs: Sequence[Job] = ()
    tasks: Sequence[Task] = ()
    changes: Sequence[TaskChange] = ()
    ledger: Sequence[Entry] = ()
    sessions: Sequence[SessionChange] = ()
    schedules: Sequence[ScheduleChange] = ()
    events: Sequence[Event] = ()
    followed: Sequence[tuple[int, int]] = ()
    runs: Sequence[Run] = ()
    lies: Sequence[Lie] = ()
    calls: Sequence[Call] = ()
    faults: Sequence[Fault] = ()
    beats: Sequence[Beat] = ()
    healed: Sequence[Healed] = ()
    rows_live: Sequence[str] = ()
    rows_ended: Sequence[str] = ()
    job_of: Mapping[str, Job] = field(init=False)
    task_of: Mapping[str, Task] = field(init=False)
    by_task: Mapping[str, Sequence[TaskChange]] = field(init=False)
    """The changes of each task, in order."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "job_of", {job.id: job for job in self.jobs})
        object.__setattr__(self, "task_of", {task.id: task for task in self.tasks})
        by_task: dict[str, list[TaskChange]] = {}
        for change in self.changes:
            by_task.setdefault(change.task, []).append(change)
        object.__setattr__(self, "by_task", by_task)

    def job_of_task(self, task: str) -> Job:
        return self.job_of[self.task_of[task].job]

    def troubled(self, since: datetime, until: datetime, *, but: Fault | None = None) -> timedelta:
        """How much of a span lay within faults, one perhaps excepted."""
        total, reached = timedelta(0), since
        for fault in sorted((f for f in self.faults if f is not but), key=lambda fault: fault.began_at):
            begin, end = max(fault.began_at, reached), min(fault.ended_at, until)
            if begin < end:
                total += end - begin
                reached = end
        return total
