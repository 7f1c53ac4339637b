"""Schedules and their ledger as one transaction sees them, and the changes that several parts make."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from domain.scheduling.ids import JobId, OccurrenceId, TaskId
from domain.scheduling.occurrence import Decision, Occurrence
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
        bare = replace(schedule, live=0, waiting=0)
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
        if not schedule.policy.overlap.takes_turns:
            return replace(schedule, live=live)
        entries = (entry.occurrence for entry in self.ledger.rows())
        buffered = sum(o.job_id == schedule.job_id and o.decision is Decision.BUFFERED for o in entries)
        return replace(schedule, live=live, waiting=buffered)

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
