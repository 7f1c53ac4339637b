"""Live tasks, history and attempts as one transaction sees them, and the changes that several parts make."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from domain.scheduling.ids import TaskId
from domain.scheduling.ports.task_queue import Session
from domain.scheduling.settlement import Settlement
from domain.scheduling.task_status import TaskStatus
from tests.simulation.store.attempts import AttemptRow
from tests.simulation.store.database import Table, Transaction
from tests.simulation.store.events import of_end
from tests.simulation.store.rows import TaskRow


class TaskTable:
    """For statements only."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self.live: Table[TaskId, TaskRow] = Table(transaction, "tasks")
        self.ended: Table[TaskId, TaskRow] = Table(transaction, "history")
        self._attempts: Table[tuple[TaskId, int], AttemptRow] = Table(transaction, "attempts")
        self.keys: Table[tuple[str, str], TaskId] = Table(transaction, "unique_keys")

    def free(self) -> list[TaskRow]:
        """SKIP LOCKED: the live ones that no other transaction has."""
        return [row for row in self.live.rows() if self.live.is_free(row.id)]

    def take(self, found: Iterable[TaskRow]) -> list[TaskRow]:
        """Lock these."""
        taken = []
        for row in found:
            self.live.lock(row.id)
            taken.append(row)
        return taken

    def to_history(self, row: TaskRow) -> None:
        """It has ended for good, and its unique key is free."""
        self.live.remove(row.id)
        self.ended.insert(row.id, replace(row, unique_key=None))
        if row.unique_key is not None:
            self.keys.remove((row.tenant, row.unique_key))

    def tried(self, task_id: TaskId) -> list[tuple[int, str]]:
        """The tokens of its attempts that others followed, and how each ended."""
        return [(row.token or 0, row.status) for row in self._attempts.rows() if row.task_id == task_id]

    def settle(self, session: Session | None, settlements: Sequence[Settlement], now: datetime) -> list[TaskRow]:
        """Apply those whose lease holds, each lease once and in the order of the tasks; the rows before."""
        first: dict[tuple[TaskId, int], Settlement] = {}
        for each in settlements:
            first.setdefault((each.task_id, each.token), each)
        applied = []
        for end in sorted(first.values(), key=lambda each: each.task_id):
            row = self._leased(session, end)
            if row is None:
                continue
            self.live.lock(row.id)
            settled = row.settled(end, now)
            if end.status is TaskStatus.WAITING_RETRY:
                self._attempts.put((row.id, row.attempt), AttemptRow.of(row, end, now))
            if settled.status.is_final and not settled.is_stopping:
                self.to_history(settled)
            else:
                self.live.put(row.id, settled)
            self._transaction.events.append(of_end(row, end, now))
            applied.append(row)
        return applied

    def _leased(self, session: Session | None, end: Settlement) -> TaskRow | None:
        row = self.live.get(end.task_id)
        if row is None or not row.leased_as(session, end.token) or not row.may_end_as(end.status):
            return None
        return row

    def let_go(self, rows: Iterable[TaskRow]) -> list[TaskId]:
        """These have stopped."""
        stopped = []
        for row in self.take(rows):
            gone = row.let_go()
            if gone.status.is_final:
                self.to_history(gone)
            else:
                self.live.put(row.id, gone)
            stopped.append(row.id)
        return stopped
