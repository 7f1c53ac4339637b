"""A store of scheduling in dictionaries: a unit of work sees a copy, and its commit puts that back.

It keeps no locks: no two units of work of a test are open at a time.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from types import TracebackType
from typing import Self, TypeVar
from uuid import UUID

from application.scheduling.ports import SchedulingWork
from domain.scheduling.admission import LimitKey
from domain.scheduling.backfill import Backfill
from domain.scheduling.errors import ExecutorNotFound, JobNameTaken, JobNotFound, StaleVersion, TaskNotFound
from domain.scheduling.executor import Executor, ExecutorStatus
from domain.scheduling.graph import Dependent
from domain.scheduling.health import Finding
from domain.scheduling.ids import BackfillId, ExecutorId, JobId, LaneId, OccurrenceId, RunId, TaskId
from domain.scheduling.job import Job, JobStatus
from domain.scheduling.occurrence import Decision, Occurrence
from domain.scheduling.placement import Lane
from domain.scheduling.ports.admission_queue import AdmissionQueue
from domain.scheduling.ports.backfill_repository import BackfillRepository
from domain.scheduling.ports.chain_queue import ChainQueue
from domain.scheduling.ports.dead_letter_queue import DeadLetterQueue
from domain.scheduling.ports.executor_repository import ExecutorRepository
from domain.scheduling.ports.graph_book import GraphBook
from domain.scheduling.ports.health_book import HealthBook
from domain.scheduling.ports.job_repository import JobRepository
from domain.scheduling.ports.judgement_queue import Judgement, JudgementQueue
from domain.scheduling.ports.lane_directory import LaneDirectory
from domain.scheduling.ports.listener_queue import ListenerQueue
from domain.scheduling.ports.run_book import RunBook
from domain.scheduling.ports.run_history import RunHistory
from domain.scheduling.ports.schedule_queue import ScheduleQueue
from domain.scheduling.ports.switch_board import SwitchBoard
from domain.scheduling.ports.task_queue import Session, TaskQueue
from domain.scheduling.ports.task_repository import TaskRepository
from domain.scheduling.rate import RateUse
from domain.scheduling.schedule import Schedule
from domain.scheduling.switch import Stopped, Switch
from domain.scheduling.task import Lease, Origin, TaskInstance
from domain.scheduling.task_status import TaskStatus
from domain.shared.aggregate import Aggregate
from domain.shared.events import DomainEvent
from domain.shared.ids import TenantId
from domain.timing.event_pattern import EventPattern
from tests.builders import NOON
from tests.unit.application.fake_backfills import FakeBackfills, FakeRunHistory
from tests.unit.application.fake_chains import FakeChainQueue
from tests.unit.application.fake_dead_letters import FakeDeadLetterQueue
from tests.unit.application.fake_graph import FakeGraphBook
from tests.unit.application.fake_health import FakeHealthBook
from tests.unit.application.fake_judgements import FakeJudgements, judgements_between
from tests.unit.application.fake_limits import FakeAdmissionQueue
from tests.unit.application.fake_listeners import FakeListenerQueue
from tests.unit.application.fake_queues import FakeScheduleQueue, FakeTaskQueue, StoredTask, end_wait
from tests.unit.application.fake_runs import FakeRunBook

Root = TypeVar("Root", bound=Aggregate)


@dataclass(slots=True)
class Tables:
    """Everything that is stored; values are never changed, only replaced."""

    jobs: dict[JobId, Job] = field(default_factory=dict)
    schedules: dict[JobId, Schedule] = field(default_factory=dict)
    aside: dict[JobId, tuple[str, datetime]] = field(default_factory=dict)
    occurrences: dict[OccurrenceId, Occurrence] = field(default_factory=dict)
    tasks: dict[TaskId, StoredTask] = field(default_factory=dict)
    listeners: dict[JobId, tuple[EventPattern, ...]] = field(default_factory=dict)
    dependents: dict[JobId, Dependent] = field(default_factory=dict)
    judgements: list[Judgement] = field(default_factory=list)
    cancelled_runs: dict[RunId, str] = field(default_factory=dict)
    executors: dict[ExecutorId, Executor] = field(default_factory=dict)
    lanes: dict[Lane, LaneId] = field(default_factory=dict)
    events: list[DomainEvent] = field(default_factory=list)
    switches: dict[Switch, Stopped] = field(default_factory=dict)
    findings: dict[JobId, tuple[Finding, ...]] = field(default_factory=dict)
    backfills: dict[BackfillId, Backfill] = field(default_factory=dict)
    used: dict[LimitKey, RateUse] = field(default_factory=dict)
    free_at: dict[LimitKey, datetime] = field(default_factory=dict)
    last_token: int = 1000
    graph_version: int = 0

    def copied(self) -> Tables:
        return Tables(**{f.name: copy.copy(getattr(self, f.name)) for f in fields(self)})


class FakeStore:
    """`now` is its clock. `before_commit` may raise what a store may raise, and sees what would be committed."""

    def __init__(self) -> None:
        self.now = NOON
        self.tables = Tables()
        self.begun = 0
        self.commits = 0
        self.before_commit: Callable[[Tables], None] = lambda _tables: None

    def begin(self) -> FakeWork:
        self.begun += 1
        return FakeWork(self)

    def event_types(self) -> list[str]:
        """The outbox so far."""
        return [event.type for event in self.tables.events]


class FakeWork(SchedulingWork):
    """Undone unless committed."""

    def __init__(self, store: FakeStore) -> None:
        self._store = store
        self.tables = Tables()

    @property
    def now(self) -> datetime:
        return self._store.now

    async def __aenter__(self) -> Self:
        self.tables = self._store.tables.copied()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.tables = Tables()

    def record(self, events: Sequence[DomainEvent]) -> None:
        self.tables.events += events

    async def commit(self) -> None:
        self._store.before_commit(self.tables)
        self.tables.judgements += judgements_between(self._store.tables.tasks, self.tables)
        self._store.tables = self.tables.copied()
        self._store.commits += 1

    @property
    def jobs(self) -> JobRepository:
        return FakeJobs(self)

    @property
    def schedules(self) -> ScheduleQueue:
        return FakeScheduleQueue(self.tables, self.now)

    @property
    def chains(self) -> ChainQueue:
        return FakeChainQueue(self.tables)

    @property
    def listeners(self) -> ListenerQueue:
        return FakeListenerQueue(self.tables, FakeScheduleQueue(self.tables, self.now).with_live)

    @property
    def graph(self) -> GraphBook:
        return FakeGraphBook(self.tables)

    @property
    def backfills(self) -> BackfillRepository:
        return FakeBackfills(self.tables, self.record, self.now)

    @property
    def health(self) -> HealthBook:
        return FakeHealthBook(self.tables)

    @property
    def run_history(self) -> RunHistory:
        return FakeRunHistory(self.tables)

    @property
    def judgements(self) -> JudgementQueue:
        return FakeJudgements(self.tables, self.now)

    @property
    def runs(self) -> RunBook:
        return FakeRunBook(self.tables)

    @property
    def tasks(self) -> TaskRepository:
        return FakeTasks(self)

    @property
    def queue(self) -> TaskQueue:
        return FakeTaskQueue(self.tables, self.now)

    @property
    def admissions(self) -> AdmissionQueue:
        return FakeAdmissionQueue(self.tables)

    @property
    def dead(self) -> DeadLetterQueue:
        return FakeDeadLetterQueue(self.tables)

    @property
    def executors(self) -> ExecutorRepository:
        return FakeExecutors(self)

    @property
    def switches(self) -> SwitchBoard:
        return FakeSwitchBoard(self.tables)

    @property
    def lanes(self) -> LaneDirectory:
        return FakeLanes(self.tables)


def _clone(root: Root) -> Root:
    clone = copy.copy(root)
    clone.release_events()  # gives it a list of its own
    return clone


def _store(work: FakeWork, root: Root, stored: Root | None, what: str) -> Root:
    if (stored.version if stored else 0) != root.version:
        raise StaleVersion(what)
    work.record(root.release_events())
    root.version += 1
    return _clone(root)


class FakeJobs(JobRepository):
    def __init__(self, work: FakeWork) -> None:
        self._work = work

    async def get(self, tenant: TenantId, key: JobId | str, *, even_unreadable: bool = False) -> Job:
        job = await self._get(tenant, key)
        if not even_unreadable:
            job.require_readable()
        return job

    async def _get(self, tenant: TenantId, key: JobId | str) -> Job:
        if isinstance(key, UUID):
            job = self._work.tables.jobs.get(JobId(key))
            if job is not None and job.tenant == tenant:
                return _clone(job)
        elif (found := await self.find(tenant, key)) is not None:
            return found
        raise JobNotFound(key)

    async def of_any_tenant(self, id_: JobId) -> Job:
        if id_ not in self._work.tables.jobs:
            raise JobNotFound(id_)
        return _clone(self._work.tables.jobs[id_])

    async def find(self, tenant: TenantId, name: str) -> Job | None:
        for job in self._work.tables.jobs.values():
            if (job.tenant, job.definition.name) == (tenant, name) and job.status is not JobStatus.DELETED:
                return _clone(job)
        return None

    async def save(self, job: Job) -> None:
        other = await self.find(job.tenant, job.definition.name)
        if other is not None and other.id != job.id and job.status is not JobStatus.DELETED:
            raise JobNameTaken(job.definition.name)
        jobs = self._work.tables.jobs
        jobs[job.id] = _store(self._work, job, jobs.get(job.id), f"Job {job.definition.name!r}")


class FakeTasks(TaskRepository):
    def __init__(self, work: FakeWork) -> None:
        self._work = work

    async def get(self, tenant: TenantId, task_id: TaskId) -> TaskInstance:
        stored = self._work.tables.tasks.get(task_id)
        job = self._work.tables.jobs[stored.job_id] if stored else None
        if stored is None or job is None or job.tenant != tenant:
            raise TaskNotFound(task_id)
        holder, token = stored.holder, stored.token
        return TaskInstance(
            id=task_id,
            tenant=tenant,
            job_id=job.id,
            job_name=job.definition.name,
            status=stored.status,
            attempt=stored.attempt,
            lease=Lease(holder.executor_id, holder.epoch, token) if holder and token else None,
            stopping_until=stored.stopping_until,
            status_reason=stored.reason,
            ended_at=stored.ended_at,
            lane=stored.lane,
            gate=stored.gate,
            is_undelivered=stored.is_undelivered,
        )

    async def live_of(self, tenant: TenantId, job_id: JobId) -> Sequence[TaskInstance]:
        live = [t.id for t in self._work.tables.tasks.values() if t.job_id == job_id and t.is_live]
        return [await self.get(tenant, task_id) for task_id in live]

    async def save(self, task: TaskInstance) -> None:
        self._work.record(task.release_events())
        if task.status.is_final or task.status is TaskStatus.ASSIGNED:
            decision = Decision.BUFFER_DROPPED if task.status.is_final else Decision.FIRED
            end_wait(self._work.tables, [task.id], decision, task.status_reason)
        self._work.tables.tasks[task.id] = replace(
            self._work.tables.tasks[task.id],
            status=task.status,
            stopping_until=task.stopping_until,
            reason=task.status_reason,
            ended_at=task.ended_at,
            gate=task.gate,
            attempt=task.attempt,
            holder=Session(executor_id=task.lease.executor_id, epoch=task.lease.epoch) if task.lease else None,
            token=task.lease.token if task.lease else None,
        )

    async def live_fires_of(self, jobs: Collection[JobId]) -> Sequence[TaskInstance]:
        tasks, tenants = self._work.tables.tasks.values(), {id_: self._work.tables.jobs[id_].tenant for id_ in jobs}
        live = [t for t in tasks if t.job_id in jobs and t.is_live and t.origin is not Origin.DIRECT]
        return [await self.get(tenants[t.job_id], t.id) for t in sorted(live, key=lambda t: t.id)]

    async def with_key(self, tenant: TenantId, unique_key: str) -> TaskId | None:
        found = (t for t in self._work.tables.tasks.values() if t.unique_key == unique_key and t.is_live)
        return next((t.id for t in found), None)

    async def name(self, task_id: TaskId, unique_key: str) -> None:
        tasks = self._work.tables.tasks
        tasks[task_id] = replace(tasks[task_id], unique_key=unique_key)

    async def next_token(self) -> int:
        self._work.tables.last_token += 1
        return self._work.tables.last_token


class FakeExecutors(ExecutorRepository):
    def __init__(self, work: FakeWork) -> None:
        self._work = work

    async def get(self, tenant: TenantId, executor_id: ExecutorId) -> Executor:
        found = await self.find(tenant, executor_id)
        if found is None:
            raise ExecutorNotFound(executor_id)
        return found

    async def find(self, tenant: TenantId, executor_id: ExecutorId) -> Executor | None:
        found = self._work.tables.executors.get(executor_id)
        return _clone(found) if found is not None and found.tenant == tenant else None

    async def save(self, executor: Executor) -> None:
        executors = self._work.tables.executors
        executors[executor.id] = _store(self._work, executor, executors.get(executor.id), f"Executor {executor.id!r}")

    async def take_silent(self, since: datetime, limit: int) -> Sequence[Executor]:
        executors = self._work.tables.executors.values()
        silent = [e for e in executors if e.status is not ExecutorStatus.OFFLINE and e.last_heartbeat_at < since]
        return [_clone(e) for e in silent[:limit]]

    async def record_beats(self, beats: Mapping[Session, datetime]) -> None:
        for session, at in beats.items():
            stored = self._work.tables.executors.get(session.executor_id)
            if stored is not None and stored.epoch == session.epoch and stored.last_heartbeat_at < at:
                beaten = _clone(stored)
                beaten.last_heartbeat_at = at
                self._work.tables.executors[session.executor_id] = beaten


class FakeLanes(LaneDirectory):
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def number(self, lane: Lane) -> LaneId:
        return self._tables.lanes.setdefault(lane, LaneId(len(self._tables.lanes) + 1))

    async def after(self, last: LaneId) -> Mapping[LaneId, Lane]:
        return {number: lane for lane, number in self._tables.lanes.items() if number > last}


class FakeSwitchBoard(SwitchBoard):
    def __init__(self, tables: Tables) -> None:
        self._switches = tables.switches

    async def stopped(self) -> Sequence[Stopped]:
        return list(self._switches.values())

    async def stop(self, stopped: Stopped) -> None:
        self._switches.setdefault(stopped.switch, stopped)

    async def start(self, switch: Switch) -> None:
        self._switches.pop(switch, None)
