"""Schedules and tasks by the set, on the dictionaries of the fake store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from domain.scheduling.admission import LimitKey
from domain.scheduling.errors import AlreadyFired, JobNotFound
from domain.scheduling.executor import ExecutorStatus
from domain.scheduling.ids import JobId, LaneId, RunId, TaskId
from domain.scheduling.job import JobStatus
from domain.scheduling.occurrence import Decision, is_asked_for
from domain.scheduling.ports.schedule_queue import Fired, ScheduleQueue
from domain.scheduling.ports.task_queue import Session, TaskQueue
from domain.scheduling.rate import RateTerms
from domain.scheduling.retry import RetryPolicy
from domain.scheduling.schedule import Schedule
from domain.scheduling.settlement import QUEUE_TIMEOUT, TOTAL_TIMEOUT, Attempt, Settlement, give_up
from domain.scheduling.task import NewTask, Origin, TaskError
from domain.scheduling.task_status import CLAIMABLE, COUNTS_FOR_OVERLAP, HELD, Gate, TaskStatus
from domain.shared.json_value import JsonText
from domain.timing.trigger import Trigger
from tests.unit.application.fake_limits import limit_gate, limits_of

if TYPE_CHECKING:
    from tests.unit.application.fake_store import Tables


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTask:
    """A task, live or from history. `holder` and `token` outlive the attempt while it is stopping."""

    id: TaskId
    job_id: JobId
    lane: LaneId
    origin: Origin
    status: TaskStatus
    gate: Gate | None
    ready_at: datetime
    policy: RetryPolicy
    scheduled_time: datetime
    fire_key: str | None = None
    parameters: JsonText | None = None
    attempt: int = 0
    lost: int = 0
    snoozed: int = 0
    holder: Session | None = None
    token: int | None = None
    claim_id: UUID | None = None
    claimed_at: datetime | None = None
    deadline_at: datetime | None = None
    absences: int = 0
    stopping_until: datetime | None = None
    ended_at: datetime | None = None
    result: JsonText | None = None
    error: TaskError | None = None
    reason: str | None = None
    unique_key: str | None = None
    queue_until: datetime | None = None
    total_deadline_at: datetime | None = None
    slot: LimitKey | None = None
    most: int = 0
    rate: LimitKey | None = None
    terms: RateTerms | None = None
    turn: LimitKey | None = None
    window: int = 0
    progress: float | None = None
    progress_message: str | None = None
    checkpoint: JsonText | None = None
    nominal_at: datetime | None = None
    priority: int | None = None
    run_id: RunId | None = None
    wait_until: datetime | None = None
    cause: TaskId | None = None

    @property
    def run(self) -> RunId:
        """That of one that says nothing begins with itself."""
        return self.run_id or RunId(self.id)

    @property
    def is_live(self) -> bool:
        return not self.status.is_final or self.stopping_until is not None

    @property
    def is_claimable(self) -> bool:
        return self.status in CLAIMABLE and self.gate is None and self.stopping_until is None

    @property
    def is_undelivered(self) -> bool:
        return self.status is TaskStatus.ASSIGNED and self.claim_id is None

    def is_held_by(self, session: Session, token: int | None = None) -> bool:
        """By a running attempt, not one that is stopping."""
        return (
            self.status in HELD
            and self.holder == session
            and self.stopping_until is None
            and token in (None, self.token)
        )

    def as_attempt(self) -> Attempt:
        return Attempt(
            task_id=self.id,
            token=self.token or 0,
            status=self.status,
            number=self.attempt,
            lost=self.lost,
            snoozed=self.snoozed,
            policy=self.policy,
            executor_id=self.holder.executor_id if self.holder else None,
            total_deadline_at=self.total_deadline_at,
        )

    def out_of_patience(self, now: datetime) -> str | None:
        """The code of the timeout that ends it while it waits."""
        if self.status.is_final or self.status in HELD or self.stopping_until is not None:
            return None
        if self.total_deadline_at is not None and self.total_deadline_at <= now:
            return TOTAL_TIMEOUT
        in_queue = self.status is TaskStatus.PENDING and self.queue_until is not None and self.queue_until <= now
        return QUEUE_TIMEOUT if in_queue else None

    def settled(self, settlement: Settlement, now: datetime) -> StoredTask:
        """As the settlement says; a stopping one keeps its holder and token."""
        stopping = settlement.stopping_until is not None
        ready_at = settlement.ready_at or self.ready_at
        return replace(
            self,
            status=settlement.status,
            gate=Gate.TIME if ready_at > now else limit_gate(replace(self, status=settlement.status)),
            ready_at=ready_at,
            lost=self.lost if settlement.lost is None else settlement.lost,
            snoozed=self.snoozed if settlement.snoozed is None else settlement.snoozed,
            holder=self.holder if stopping else None,
            token=self.token if stopping else None,
            stopping_until=settlement.stopping_until,
            ended_at=now if settlement.status.is_final else None,
            result=settlement.result,
            error=settlement.error,
        )

    def let_go(self) -> StoredTask:
        return replace(self, stopping_until=None, holder=None, token=None)


class FakeScheduleQueue(ScheduleQueue):
    def __init__(self, tables: Tables, now: datetime) -> None:
        self._tables, self._now = tables, now

    def _due_at(self, schedule: Schedule) -> datetime | None:
        _, retry_at = self._tables.aside.get(schedule.job_id, (None, None))
        return retry_at or schedule.due_at

    def with_live(self, schedule: Schedule) -> Schedule:
        in_the_way = [
            task
            for task in self._tables.tasks.values()
            if task.job_id == schedule.job_id
            and task.origin is not Origin.DIRECT
            and (task.status in COUNTS_FOR_OVERLAP or task.stopping_until is not None)
            and task.gate is not Gate.PAUSED
        ]
        ledger = self._tables.occurrences.values()
        waiting = [o for o in ledger if o.job_id == schedule.job_id and o.decision is Decision.BUFFERED]
        reserved = [o for o in waiting if not is_asked_for(o.fire_key)]
        return replace(schedule, live=len(in_the_way), waiting=len(waiting), reserved=len(reserved))

    async def take_due(self, now: datetime, limit: int, since: datetime | None = None) -> Sequence[Schedule]:
        due = [(at, s.job_id) for s in self._tables.schedules.values() if (at := self._due_at(s)) and at <= now]
        due = [(at, job_id) for at, job_id in due if since is None or at >= since]
        return [self.with_live(self._tables.schedules[job_id]) for _, job_id in sorted(due)[:limit]]

    async def take(self, job_id: JobId) -> Schedule:
        if job_id not in self._tables.schedules:
            raise JobNotFound(job_id)
        return self.with_live(self._tables.schedules[job_id])

    async def triggers(self, job_ids: Sequence[JobId]) -> Mapping[JobId, Trigger]:
        jobs = self._tables.jobs
        return {job_id: jobs[job_id].definition.trigger for job_id in job_ids if job_id in jobs}

    async def record(self, fired: Fired) -> None:
        known = {(o.job_id, o.fire_key) for o in self._tables.occurrences.values() if o.decision.runs}
        for entry in fired.occurrences:
            if entry.decision.runs and (entry.job_id, entry.fire_key) in known:
                raise AlreadyFired(entry.fire_key)
            continued = self._tables.occurrences.get(entry.id)
            if continued is not None:
                first, count = continued.first_nominal, continued.count + entry.count
                entry = replace(entry, fire_key=continued.fire_key, first_nominal=first, count=count)
            self._tables.occurrences[entry.id] = entry
        _add(self._tables, fired.tasks)
        for schedule in fired.schedules:
            await self.put(schedule)

    async def supersede(
        self, task_ids: Sequence[TaskId], reason: str, decision: Decision = Decision.SUPERSEDED
    ) -> None:
        end_wait(self._tables, task_ids, decision, reason)

    async def waiting(self, job_id: JobId) -> Sequence[TaskId]:
        ledger = self._tables.occurrences.values()
        waiting = [o.task_id for o in ledger if o.job_id == job_id and o.decision is Decision.BUFFERED]
        return [task_id for task_id in waiting if task_id is not None]

    async def put(self, schedule: Schedule) -> None:
        self._tables.schedules[schedule.job_id] = replace(schedule, live=0, waiting=0, reserved=0)
        self._tables.aside.pop(schedule.job_id, None)

    async def keep_skips(self, schedule: Schedule) -> None:
        present = self._tables.schedules[schedule.job_id]
        self._tables.schedules[schedule.job_id] = replace(present, skips=schedule.skips)

    async def set_aside(self, job_id: JobId, error: str, retry_at: datetime) -> None:
        due_at = self._tables.schedules[job_id].due_at
        comes_sooner = due_at is not None and self._now < due_at < retry_at  # a fire that is known can still be decided
        self._tables.aside[job_id] = (error, due_at if due_at and comes_sooner else retry_at)

    async def refill(self, schedules: Sequence[Schedule]) -> None:
        for schedule in schedules:
            present = self._tables.schedules[schedule.job_id]
            if present.active and schedule.upcoming[: len(present.upcoming)] == present.upcoming:
                known, ended = schedule.upcoming, schedule.exhausted
                self._tables.schedules[schedule.job_id] = replace(present, upcoming=known, exhausted=ended)

    async def next_due(self) -> datetime | None:
        return min((at for s in self._tables.schedules.values() if (at := self._due_at(s))), default=None)


def end_wait(tables: Tables, task_ids: Collection[TaskId], decision: Decision, reason: str | None) -> None:
    """What became of fires that were to wait for their turn."""
    for entry in list(tables.occurrences.values()):
        if entry.decision is Decision.BUFFERED and entry.task_id in task_ids:
            tables.occurrences[entry.id] = replace(entry, decision=decision, reason=reason)


def _add(tables: Tables, tasks: Sequence[NewTask]) -> Mapping[LaneId, int]:
    for task in tasks:
        job = tables.jobs.get(task.job_id)
        if job is None or job.status is JobStatus.DELETED:
            raise JobNotFound(task.job_id)
        limits = job.definition.timeouts
        tables.tasks[task.id] = StoredTask(
            id=task.id,
            job_id=job.id,
            lane=tables.lanes[job.lane],
            origin=task.origin,
            status=TaskStatus.BLOCKED if task.gate is Gate.DEPENDENCY else TaskStatus.PENDING,
            gate=task.gate,
            run_id=task.run_id,
            wait_until=task.wait_until,
            **limits_of(job, task, tables.lanes[job.lane]),
            ready_at=task.scheduled_time,
            policy=job.definition.retry,
            scheduled_time=task.scheduled_time,
            fire_key=task.fire_key,
            parameters=task.parameters,
            nominal_at=task.nominal_at,
            priority=task.priority,
            queue_until=None if limits.queue is None else task.scheduled_time + limits.queue,
            total_deadline_at=None if limits.total is None else task.scheduled_time + limits.total,
        )
        if task.gate is None:
            stored = tables.tasks[task.id]
            tables.tasks[task.id] = replace(stored, gate=limit_gate(stored))
    return Counter(tables.tasks[task.id].lane for task in tasks if tables.tasks[task.id].gate is None)


class FakeTaskQueue(TaskQueue):
    def __init__(self, tables: Tables, now: datetime) -> None:
        self._tables, self._now = tables, now

    def _having(self, ids: Sequence[TaskId] | None = None) -> Iterator[StoredTask]:
        return (t for t in list(self._tables.tasks.values()) if ids is None or t.id in ids)

    async def add(self, tasks: Sequence[NewTask]) -> Mapping[LaneId, int]:
        return _add(self._tables, tasks)

    async def settle(self, settlements: Sequence[Settlement]) -> Sequence[TaskId]:
        applied = []
        for settlement in settlements:
            task = self._tables.tasks.get(settlement.task_id)
            if task is not None and task.token == settlement.token and task.stopping_until is None:
                self._tables.tasks[task.id] = task.settled(settlement, self._now)
                applied.append(task.id)
        return applied

    async def take_overdue(self, now: datetime, limit: int) -> Sequence[Attempt]:
        overdue = [
            task.as_attempt()
            for task in self._having()
            if task.status in HELD
            and task.stopping_until is None
            and any(end is not None and end <= now for end in (task.deadline_at, task.total_deadline_at))
        ]
        return overdue[:limit]

    async def time_out_waiting(self, now: datetime, limit: int) -> Sequence[TaskId]:
        over = [(task, code) for task in self._having() if (code := task.out_of_patience(now))][:limit]
        self._tables.tasks |= {task.id: task.settled(give_up(task.id, code), now) for task, code in over}
        return [task.id for task, _ in over]

    async def take_held(self, session: Session, among: Sequence[TaskId] | None = None) -> Sequence[Attempt]:
        return [task.as_attempt() for task in self._having(among) if task.is_held_by(session)]

    async def take_abandoned(self, limit: int) -> Sequence[Attempt]:
        held = [t for t in self._having() if t.status in HELD and t.stopping_until is None]
        return [t.as_attempt() for t in held if t.holder not in self._live_sessions()][:limit]

    def _live_sessions(self) -> set[Session]:
        return {
            Session(executor_id=e.id, epoch=e.epoch)
            for e in self._tables.executors.values()
            if e.status is not ExecutorStatus.OFFLINE
        }

    async def let_go(self, session: Session) -> int:
        stopping = [task for task in self._having() if task.stopping_until and task.holder == session]
        return self._let_go(stopping)

    async def let_go_expired(self, now: datetime, limit: int) -> int:
        live = self._live_sessions()
        stopping = [(task, task.stopping_until) for task in self._having() if task.stopping_until]
        return self._let_go([task for task, until in stopping if until <= now or task.holder not in live][:limit])

    def _let_go(self, tasks: Sequence[StoredTask]) -> int:
        self._tables.tasks |= {task.id: task.let_go() for task in tasks}
        return len(tasks)

    async def open_due(self, now: datetime, limit: int) -> Mapping[LaneId, int]:
        due = [task for task in self._having() if task.gate is Gate.TIME and task.ready_at <= now][:limit]
        self._tables.tasks |= {task.id: replace(task, gate=limit_gate(task)) for task in due}
        counts: Counter[LaneId] = Counter()
        for task in due:
            counts[task.lane] += limit_gate(task) is None
        return counts

    async def next_opening(self) -> datetime | None:
        return min((task.ready_at for task in self._having() if task.gate is Gate.TIME), default=None)
