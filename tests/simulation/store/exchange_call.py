"""One transaction of the conversation with executors: what it finds, and what it gives away."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from domain.scheduling.executor import Executor, ExecutorStatus
from domain.scheduling.ids import ExecutorId, LaneId, TaskId
from domain.scheduling.ports.task_exchange import (
    LARGEST_CLAIM,
    Claim,
    Lease,
    LogBatch,
)
from domain.scheduling.ports.task_queue import Session
from domain.scheduling.settlement import Settlement
from tests.simulation.store.database import Table, Transaction
from tests.simulation.store.rows import TaskRow
from tests.simulation.store.task_table import TaskTable


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRow:
    """A batch of lines as it is kept."""

    batch: LogBatch
    attempt: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OrphanRow:
    """What was reported too late."""

    end: Settlement
    executor_id: str
    reported_at: datetime


class Call:
    """One transaction of one statement: what it finds, and what it changes."""

    def __init__(self, transaction: Transaction, session: Session, now: datetime) -> None:
        self._database = transaction.database
        self.transaction = transaction
        self.session, self.now = session, now
        self.tasks = TaskTable(transaction)
        self.logs: Table[tuple[TaskId, int, int], LogRow] = Table(transaction, "logs")
        self.orphans: Table[Lease, OrphanRow] = Table(transaction, "orphans")
        self._executors: Table[ExecutorId, Executor] = Table(transaction, "executors")

    def executor(self) -> Executor | None:
        """Of the session, unless that is over or another one's."""
        found = self._executors.get(self.session.executor_id)
        is_present = found is not None and found.epoch == self.session.epoch
        return found if is_present and found is not None and found.status is not ExecutorStatus.OFFLINE else None

    def leased(self, lease: Lease) -> TaskRow | None:
        """Under this token by this session, running or stopping."""
        row = self.tasks.live.get(lease[0])
        return row if row is not None and row.leased_as(self.session, lease[1]) else None

    def held(self, lease: Lease) -> TaskRow | None:
        """The same, and not stopping."""
        row = self.leased(lease)
        return row if row is not None and row.is_held else None

    def held_before(self, claim: Claim) -> list[TaskRow]:
        """What the same claim has got already: its answer was lost."""
        mine = (row for row in self.tasks.live.rows() if row.holder == self.session and row.claim_id == claim.claim_id)
        return [row for row in mine if row.is_held]

    def claim(self, claim: Claim) -> tuple[list[TaskRow], bool]:
        """The first of the first lane, as many as there is room for; whether there is none for what waits."""
        first = self._first_lane(claim)
        if first is None:
            return [], False
        room = self.room(claim, undelivered=True)
        waiting = sorted((r for r in self._waiting() if r.lane == first), key=lambda row: (row.rank, row.id))
        handed_out = []
        for row in waiting[:room]:
            row = row.claimed(self.session, claim, self.next_token(), self.now)
            self.tasks.live.put(row.id, row)
            handed_out.append(row)
        return handed_out, not room

    def room(self, claim: Claim, *, undelivered: bool) -> int:
        """How many tasks the claim gets at most. Other claims of the session wait until this one is committed."""
        self.transaction.lock("claims", self.session)
        mine = (row for row in self.tasks.live.rows() if row.holder == self.session)
        held = sum(undelivered or not row.is_undelivered for row in mine)
        return max(0, min(claim.limit, LARGEST_CLAIM, claim.slots - held))

    def _waiting(self) -> list[TaskRow]:
        return [row for row in self.tasks.free() if row.is_waiting]

    def _first_lane(self, claim: Claim) -> LaneId | None:
        ranks = [(r.lane not in claim.own, r.rank, r.lane) for r in self._waiting() if r.lane in claim.lanes]
        return min(ranks)[2] if ranks else None

    def next_token(self) -> int:
        """Of a sequence: what is given is gone, even if the transaction is undone."""
        self._database.last_token += 1
        return self._database.last_token
