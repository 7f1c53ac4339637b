"""Tasks by the set, inside a unit of work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from domain.scheduling.errors import JobNotFound
from domain.scheduling.executor import Executor, ExecutorStatus
from domain.scheduling.ids import ExecutorId, JobId, LaneId, TaskId
from domain.scheduling.job import Job
from domain.scheduling.occurrence import Decision
from domain.scheduling.placement import Lane
from domain.scheduling.ports.task_queue import Session, TaskQueue
from domain.scheduling.settlement import QUEUE_TIMEOUT, TOTAL_TIMEOUT, Attempt, Settlement, give_up
from domain.scheduling.task import NewTask
from domain.scheduling.task_status import HELD, Gate, TaskStatus
from tests.simulation.store.database import Table, Transaction
from tests.simulation.store.events import of_end
from tests.simulation.store.rows import TaskRow
from tests.simulation.store.schedule_table import ScheduleTable
from tests.simulation.store.statement import statement
from tests.simulation.store.task_table import TaskTable

_WAITING = tuple(s for s in TaskStatus.sources_of(TaskStatus.TIMEOUT) if s not in HELD)


class MemoryTaskQueue(TaskQueue):
    """Part of a unit of work."""

    def __init__(self, transaction: Transaction, now: datetime) -> None:
        self.transaction = transaction
        self._now = now
        self._tasks = TaskTable(transaction)
        self._schedules = ScheduleTable(transaction)
        self._executors: Table[ExecutorId, Executor] = Table(transaction, "executors")

    @statement
    def add(self, tasks: Sequence[NewTask]) -> Mapping[LaneId, int]:
        return insert_tasks(self.transaction, tasks, self._now)

    @statement
    def settle(self, settlements: Sequence[Settlement]) -> Sequence[TaskId]:
        return [row.id for row in self._tasks.settle(None, settlements, self._now)]

    @statement
    def take_overdue(self, now: datetime, limit: int) -> Sequence[Attempt]:
        found = [row for row in self._held() if _is_over(row.deadline_at, now) or _is_over(row.total_deadline_at, now)]
        return self._taken(found[:limit])

    @statement
    def take_held(self, session: Session, among: Sequence[TaskId] | None = None) -> Sequence[Attempt]:
        return self._taken([r for r in self._held() if r.holder == session and (among is None or r.id in among)])

    @statement
    def take_abandoned(self, limit: int) -> Sequence[Attempt]:
        return self._taken([row for row in self._held() if row.holder not in self._live_sessions()][:limit])

    @statement
    def time_out_waiting(self, now: datetime, limit: int) -> Sequence[TaskId]:
        over = [r for r in self._tasks.free() if r.status in _WAITING and not r.is_stopping]
        over = sorted((r for r in over if _is_over(r.expires_at, now)), key=lambda row: (row.expires_at, row.id))
        if not over:
            return ()
        for row in over[:limit]:
            end = give_up(row.id, TOTAL_TIMEOUT if _is_over(row.total_deadline_at, now) else QUEUE_TIMEOUT)
            gone = replace(row, status=end.status, gate=None, error=end.error, ended_at=now, version=row.version + 1)
            self._tasks.to_history(gone)
            self.transaction.events.append(of_end(row, end, now))
        gone_ids = [row.id for row in over[:limit]]
        self._schedules.buffered(gone_ids, Decision.BUFFER_DROPPED, "its task ran out of time before its turn")
        return gone_ids

    @statement
    def let_go(self, session: Session) -> int:
        return len(self._tasks.let_go(r for r in self._tasks.free() if r.is_stopping and r.holder == session))

    @statement
    def let_go_expired(self, now: datetime, limit: int) -> int:
        stopping, live = [r for r in self._tasks.free() if r.is_stopping], self._live_sessions()
        over = [r for r in stopping if _is_over(r.stopping_until, now) or r.holder not in live]
        return len(self._tasks.let_go(over[:limit]))

    @statement
    def open_due(self, now: datetime, limit: int) -> Mapping[LaneId, int]:
        due = [r for r in self._tasks.free() if r.gate is Gate.TIME and not r.is_stopping and r.ready_at <= now]
        counts: Counter[LaneId] = Counter()
        for row in sorted(due, key=lambda row: (row.ready_at, row.id))[:limit]:
            self._tasks.live.put(row.id, replace(row, gate=row.limit_gate, version=row.version + 1))
            counts[row.lane] += row.limit_gate is None
        return counts

    @statement
    def next_opening(self) -> datetime | None:
        waiting = (row for row in self._tasks.live.rows() if row.gate is Gate.TIME and not row.is_stopping)
        return min((row.ready_at for row in waiting), default=None)

    def _held(self) -> list[TaskRow]:
        return [row for row in self._tasks.free() if row.is_held]

    def _taken(self, found: Sequence[TaskRow]) -> list[Attempt]:
        return [row.as_attempt() for row in self._tasks.take(found)]

    def _live_sessions(self) -> set[Session]:
        live = (e for e in self._executors.rows() if e.status is not ExecutorStatus.OFFLINE)
        return {Session(executor_id=e.id, epoch=e.epoch) for e in live}


def insert_tasks(transaction: Transaction, new: Sequence[NewTask], now: datetime) -> Mapping[LaneId, int]:
    """How many came to stand in which lane. Raises `JobNotFound`."""
    jobs: Table[JobId, Job] = Table(transaction, "jobs")
    lanes: Table[Lane, LaneId] = Table(transaction, "lanes")
    tasks = TaskTable(transaction)
    counts: Counter[LaneId] = Counter()
    for task in new:
        job = jobs.get(task.job_id)
        lane = None if job is None else lanes.get(job.lane)
        if job is None or lane is None:
            raise JobNotFound(task.job_id)
        row = TaskRow.of(task, job, lane, now)
        tasks.live.insert(row.id, row)
        if row.gate is None:
            counts[lane] += 1
    return counts


def _is_over(instant: datetime | None, now: datetime) -> bool:
    return instant is not None and instant <= now
