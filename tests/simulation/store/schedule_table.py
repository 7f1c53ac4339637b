"""Schedules and their ledger as one transaction sees them, and the changes that several parts make."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from domain.scheduling.ids import JobId, OccurrenceId, TaskId
from domain.scheduling.occurrence import Decision, Occurrence, is_asked_for
from domain.scheduling.schedule import Schedule
from tests.simulation.store.database import Table, Transaction
from tests.simulation.store.task_table import TaskTable


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRow:
    """`due_at` is when it has to be looked at; that of one with an error is when it is tried again."""

    schedule: Schedule
    due_at: datetime | None
    error: str | None = None
    failures: int = 0
    last_fired_at: datetime | None = None

    @classmethod
    def of(cls, schedule: Schedule, last_fired_at: datetime | None = None) -> ScheduleRow:
        """A healthy one."""
        bare = replace(schedule, live=0, waiting=0, reserved=0)
        return cls(schedule=bare, due_at=schedule.due_at, last_fired_at=last_fired_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A row of the ledger."""

    occurrence: Occurrence
    decided_at: datetime


class ScheduleTable:
    """For statements only."""

    def __init__(self, transaction: Transaction) -> None:
        self.rows: Table[JobId, ScheduleRow] = Table(transaction, "schedules")
        self.ledger: Table[OccurrenceId, Entry] = Table(transaction, "ledger")
        self.fires: Table[tuple[JobId, str], OccurrenceId] = Table(transaction, "fires")
        self.tasks = TaskTable(transaction)

    def with_live(self, schedule: Schedule) -> Schedule:
        """Told how many tasks are in the way of its next fire, and how many fires wait for their turn."""
        live = sum(row.job_id == schedule.job_id and row.is_in_the_way for row in self.tasks.live.rows())
        if not schedule.policy.overlap.takes_turns and schedule.policy.max_executions is None:
            return replace(schedule, live=live)
        waiting = self.waiting(schedule.job_id)
        reserved = sum(not is_asked_for(entry.fire_key) for entry in waiting)
        return replace(schedule, live=live, waiting=len(waiting), reserved=reserved)

    def waiting(self, job_id: JobId) -> list[Occurrence]:
        """The fires of a job that wait for their turn."""
        entries = (entry.occurrence for entry in self.ledger.rows())
        return [o for o in entries if o.job_id == job_id and o.decision is Decision.BUFFERED]

    def begin(self, task_ids: Collection[TaskId]) -> None:
        """Their fires have begun, and a limit on executions counts them."""
        for entry in self.ledger.rows():
            known = entry.occurrence
            if known.decision is not Decision.BUFFERED or known.task_id not in task_ids:
                continue
            self.ledger.put(known.id, replace(entry, occurrence=replace(known, decision=Decision.FIRED)))
            row = None if is_asked_for(known.fire_key) else self.rows.lock(known.job_id)
            if row is not None:
                schedule = row.schedule
                state = replace(schedule.state, fired_count=schedule.state.fired_count + 1)
                schedule = replace(schedule, state=state)
                if state.fired_count == schedule.policy.max_executions:
                    row = replace(row, due_at=None)
                    schedule = replace(schedule, upcoming=(), excluded=(), exhausted=True)
                self.rows.put(known.job_id, replace(row, schedule=schedule))

    def enter(self, entry: Occurrence, now: datetime) -> None:
        """A new entry; or what is added to the one that it continues. Raises `KeyTaken`."""
        if entry.extends is not None and (before := self.ledger.lock(entry.extends)) is not None:
            old = before.occurrence
            grown = replace(
                old,
                count=old.count + entry.count,
                last_nominal=entry.last_nominal,
                planned_at=entry.planned_at,
                reason=entry.reason,
            )
            self.ledger.put(old.id, Entry(occurrence=grown, decided_at=now))
            return
        if entry.decision.runs:
            self.fires.insert((entry.job_id, entry.fire_key), entry.id)
        self.ledger.insert(entry.id, Entry(occurrence=entry, decided_at=now))

    def buffered(self, task_ids: Collection[TaskId], decision: Decision, reason: str | None = None) -> None:
        """What becomes of the entries of fires that waited for their turn."""
        for entry in self.ledger.rows():
            known = entry.occurrence
            if known.decision is Decision.BUFFERED and known.task_id in task_ids:
                changed = replace(known, decision=decision, reason=reason or known.reason)
                if not decision.runs:
                    self.fires.remove((known.job_id, known.fire_key))
                self.ledger.put(known.id, replace(entry, occurrence=changed))
