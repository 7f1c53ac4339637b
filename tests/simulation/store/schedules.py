"""Schedules, their ledger, and those that await the end of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from domain.scheduling.errors import AlreadyFired, JobNotFound
from domain.scheduling.ids import JobId, TaskId
from domain.scheduling.job import Job
from domain.scheduling.occurrence import Decision
from domain.scheduling.policies import FiringPolicy, OverlapPolicy
from domain.scheduling.ports.chain_queue import ChainQueue
from domain.scheduling.ports.schedule_queue import Fired, ScheduleQueue
from domain.scheduling.schedule import Schedule
from domain.scheduling.task_status import TaskStatus
from domain.timing.trigger import Trigger
from tests.simulation.store.database import KeyTaken, Table, Transaction
from tests.simulation.store.schedule_table import ScheduleRow, ScheduleTable
from tests.simulation.store.statement import statement
from tests.simulation.store.task_queue import insert_tasks

_ENDED_BY_THE_SERVER = (TaskStatus.TIMEOUT, TaskStatus.CANCELLED)


class MemoryScheduleQueue(ScheduleQueue):
    """Part of a unit of work."""

    def __init__(self, transaction: Transaction, now: datetime) -> None:
        self.transaction = transaction
        self._now = now
        self._table = ScheduleTable(transaction)
        self._jobs: Table[JobId, Job] = Table(transaction, "jobs")

    async def take_due(self, now: datetime, limit: int, since: datetime | None = None) -> Sequence[Schedule]:
        taken = await self._take_due(now, limit, since)
        minding = [s for s in taken if _minds(s.policy)]
        counted = {s.job_id: s for s in await self._all_with_live(minding)} if minding else {}
        return [counted.get(schedule.job_id, schedule) for schedule in taken]

    @statement
    def _take_due(self, now: datetime, limit: int, since: datetime | None) -> Sequence[Schedule]:
        rows = self._table.rows
        free = (row for row in rows.rows() if rows.is_free(row.schedule.job_id))
        due = sorted((row.due_at, row.schedule.job_id) for row in free if row.due_at is not None and row.due_at <= now)
        due = [(due_at, job_id) for due_at, job_id in due if since is None or due_at >= since]
        taken = [rows.lock(job_id) for _, job_id in due[:limit]]
        return [row.schedule for row in taken if row is not None]

    @statement
    def _all_with_live(self, schedules: Sequence[Schedule]) -> Sequence[Schedule]:
        """A statement of its own, after the locks: what others have committed until then has to be seen."""
        return [self._table.with_live(schedule) for schedule in schedules]

    async def take(self, job_id: JobId) -> Schedule:
        (schedule,) = await self._all_with_live([await self._take(job_id)])
        return schedule

    @statement
    def _take(self, job_id: JobId) -> Schedule:
        row = self._table.rows.lock(job_id)
        if row is None:
            raise JobNotFound(job_id)
        return row.schedule

    @statement
    def triggers(self, job_ids: Sequence[JobId]) -> Mapping[JobId, Trigger]:
        found = ((job_id, self._jobs.get(job_id)) for job_id in job_ids)
        return {job_id: job.definition.trigger for job_id, job in found if job is not None}

    @statement
    def record(self, fired: Fired) -> None:
        runs = [entry for entry in fired.occurrences if entry.decision.runs]
        try:
            for entry in fired.occurrences:
                self._table.enter(entry, self._now)
        except KeyTaken:
            keys = [entry.fire_key for entry in runs]
            raise AlreadyFired(keys[0] if len(keys) == 1 else f"{keys[0]} or another of {len(keys)}") from None
        ran = {entry.job_id for entry in runs}
        insert_tasks(self.transaction, fired.tasks, self._now)
        for schedule in fired.schedules:
            present = self._table.rows.lock(schedule.job_id)
            if present is not None:
                kept = replace(schedule, skips=present.schedule.skips, active=present.schedule.active)
                last = self._now if schedule.job_id in ran else present.last_fired_at
                self._table.rows.put(schedule.job_id, ScheduleRow.of(kept, last))

    @statement
    def supersede(self, task_ids: Sequence[TaskId], reason: str, decision: Decision = Decision.SUPERSEDED) -> None:
        self._table.buffered(task_ids, decision, reason)

    @statement
    def waiting(self, job_id: JobId) -> Sequence[TaskId]:
        return [entry.task_id for entry in self._table.waiting(job_id) if entry.task_id is not None]

    @statement
    def put(self, schedule: Schedule) -> None:
        present = self._table.rows.lock(schedule.job_id)
        last = None if present is None else present.last_fired_at
        self._table.rows.put(schedule.job_id, ScheduleRow.of(schedule, last))

    @statement
    def keep_skips(self, schedule: Schedule) -> None:
        if (row := self._table.rows.lock(schedule.job_id)) is not None:
            kept = replace(row.schedule, skips=schedule.skips)
            self._table.rows.put(schedule.job_id, replace(row, schedule=kept))

    @statement
    def set_aside(self, job_id: JobId, error: str, retry_at: datetime) -> None:
        if (row := self._table.rows.lock(job_id)) is not None:
            comes_sooner = row.due_at is not None and self._now < row.due_at < retry_at  # not the fire that failed
            due_at = row.due_at if comes_sooner else retry_at
            self._table.rows.put(job_id, replace(row, due_at=due_at, error=error, failures=row.failures + 1))

    @statement
    def refill(self, schedules: Sequence[Schedule]) -> None:
        for known in sorted(schedules, key=lambda s: s.job_id):
            row = self._table.rows.lock(known.job_id)
            if row is None or row.error is not None or not row.schedule.active:
                continue
            present = row.schedule
            same = [(s.job_version, s.state.last_nominal, s.changes_at) for s in (known, present)]
            if same[0] == same[1] and known.upcoming[: len(present.upcoming)] == present.upcoming:
                more = replace(present, upcoming=known.upcoming, excluded=known.excluded, exhausted=known.exhausted)
                self._table.rows.put(known.job_id, replace(row, schedule=more, due_at=known.due_at))

    @statement
    def next_due(self) -> datetime | None:
        return min((row.due_at for row in self._table.rows.rows() if row.due_at is not None), default=None)


def _minds(policy: FiringPolicy) -> bool:
    return policy.overlap is not OverlapPolicy.ALLOW or policy.max_executions is not None


class MemoryChainQueue(ChainQueue):
    """Part of a unit of work."""

    def __init__(self, transaction: Transaction) -> None:
        self.transaction = transaction
        self._table = ScheduleTable(transaction)

    async def go_on(self, now: datetime, limit: int) -> int:
        ended = await self._find_ended(limit)
        return await self._go_on(now, ended) if ended else 0

    @statement
    def _find_ended(self, limit: int) -> Sequence[tuple[JobId, TaskId]]:
        found: list[tuple[JobId, TaskId]] = []
        for row in self._table.rows.rows():
            schedule = row.schedule
            over = schedule.awaited is not None and self._is_over(schedule.awaited)
            if over and schedule.awaited and self._table.rows.is_free(schedule.job_id) and len(found) < limit:
                self._table.rows.lock(schedule.job_id)
                found.append((schedule.job_id, schedule.awaited))
        return found

    @statement
    def _go_on(self, now: datetime, ended: Sequence[tuple[JobId, TaskId]]) -> int:
        """A statement of its own, after the locks: one whose run had ended may have fired again meanwhile."""
        gone_on = 0
        for job_id, task_id in ended:
            row = self._table.rows.lock(job_id)
            if row is None or row.schedule.awaited != task_id or not self._is_over(task_id):
                continue
            task = self._table.tasks.ended.get(task_id)
            # History says when it was told to stop. It has stopped since the last look, and nobody noted when.
            was_stopped = task is not None and task.status in _ENDED_BY_THE_SERVER and task.holder is not None
            end = now if task is None or was_stopped else task.ended_at or now
            state = replace(row.schedule.state, last_end=end)
            asks = row.schedule.active and not row.schedule.exhausted
            schedule = replace(row.schedule, state=state, awaited=None)
            self._table.rows.put(
                job_id, replace(row, schedule=schedule, due_at=state.last_nominal if asks else schedule.changes_at)
            )
            gone_on += 1
        return gone_on

    @statement
    def awaited(self, limit: int) -> Sequence[TaskId]:
        rows = self._table.rows.rows()
        return [row.schedule.awaited for row in rows if row.schedule.awaited is not None][:limit]

    def _is_over(self, task_id: TaskId) -> bool:
        return self._table.tasks.live.get(task_id) is None
