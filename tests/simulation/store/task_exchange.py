"""The conversation with executors: each call is a transaction of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from domain.scheduling.executor import Executor, ExecutorStatus
from domain.scheduling.ids import ExecutorId, LaneId, TaskId
from domain.scheduling.ports.task_exchange import (
    LARGEST_CLAIM,
    Claim,
    ClaimedTask,
    Exchanged,
    Heard,
    HeldLease,
    Lease,
    LogBatch,
    Standing,
    TaskExchange,
)
from domain.scheduling.ports.task_queue import Session
from domain.scheduling.settlement import SNOOZED, Attempt, ReportOutcome, Settlement
from domain.scheduling.task_status import TaskStatus
from domain.shared.ids import TenantId
from tests.simulation.store.database import Database, Table, Transaction
from tests.simulation.store.rows import TaskRow
from tests.simulation.store.task_table import LOST, TaskTable, ending

T = TypeVar("T")


class _Call:
    """One transaction of one statement: what it finds, and what it changes."""

    def __init__(self, transaction: Transaction, session: Session, now: datetime) -> None:
        self._database = transaction.database
        self.transaction = transaction
        self.session, self.now = session, now
        self.tasks = TaskTable(transaction)
        self.logs: Table[tuple[TaskId, int, int], LogBatch] = Table(transaction, "logs")
        self.orphans: Table[Lease, Settlement] = Table(transaction, "orphans")
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

    def claim(self, claim: Claim) -> list[TaskRow]:
        """What the same claim has got already, or else the first of the first lane."""
        mine = [r for r in self.tasks.live.rows() if r.holder == self.session and r.claim_id == claim.claim_id]
        if before := [row for row in mine if row.is_held]:
            return before
        first = self._first_lane(claim)
        waiting = sorted((r for r in self._waiting() if r.lane == first), key=lambda row: (row.rank, row.id))
        handed_out = []
        for row in waiting[: min(claim.limit, LARGEST_CLAIM)]:
            row = row.claimed(self.session, claim, self.next_token(), self.now)
            self.tasks.live.put(row.id, row)
            handed_out.append(row)
        return handed_out

    def _waiting(self) -> list[TaskRow]:
        return [row for row in self.tasks.free() if row.is_waiting]

    def _first_lane(self, claim: Claim) -> LaneId | None:
        ranks = [(r.lane not in claim.own, r.rank, r.lane) for r in self._waiting() if r.lane in claim.lanes]
        return min(ranks)[2] if ranks else None

    def next_token(self) -> int:
        """Of a sequence: what is given is gone, even if the transaction is undone."""
        self._database.last_token += 1
        return self._database.last_token


class MemoryTaskExchange(TaskExchange):
    """May raise `StoreUnavailable`, like every adapter."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def _run(self, session: Session, act: Callable[[_Call], T]) -> T:
        transaction = self._database.begin()
        try:
            answer = await transaction.run(lambda: act(_Call(transaction, session, self._database.now())))
            await transaction.commit()
            return answer
        finally:
            transaction.undo()

    async def exchange(self, session: Session, settlements: Sequence[Settlement], claim: Claim | None) -> Exchanged:
        return await self._run(session, lambda call: _exchange(call, settlements, claim))

    async def deliver(self, session: Session, claim: Claim) -> Sequence[ClaimedTask]:
        return await self._run(session, lambda call: _deliver(call, claim))

    async def attempts(self, session: Session, leases: Sequence[Lease]) -> tuple[datetime, Sequence[Attempt]]:
        def look(call: _Call) -> tuple[datetime, Sequence[Attempt]]:
            return call.now, [row.as_attempt() for lease in leases if (row := call.held(lease)) is not None]

        return await self._run(session, look)

    async def start(self, session: Session, leases: Sequence[Lease]) -> frozenset[TaskId]:
        def begin(call: _Call) -> frozenset[TaskId]:
            held = [row for lease in sorted(leases) if (row := call.held(lease)) is not None]
            for row in held:
                call.tasks.live.put(row.id, row.started(call.now))
            return frozenset(row.id for row in held)

        return await self._run(session, begin)

    async def stopped(self, session: Session, leases: Sequence[Lease]) -> frozenset[TaskId]:
        def let_go(call: _Call) -> frozenset[TaskId]:
            found = [row for lease in sorted(leases) if (row := call.leased(lease)) is not None and not row.is_held]
            return frozenset(call.tasks.let_go(row for row in found if call.tasks.live.is_free(row.id)))

        return await self._run(session, let_go)

    async def log(self, session: Session, batches: Sequence[LogBatch]) -> frozenset[TaskId]:
        return await self._run(session, lambda call: _log(call, batches))

    async def stand(self, session: Session, standings: Sequence[Standing]) -> frozenset[TaskId]:
        def note(call: _Call) -> frozenset[TaskId]:
            known = set()
            for said in sorted(standings, key=lambda each: each.task_id):
                if (row := call.leased((said.task_id, said.token))) is not None:
                    progress = row.progress if said.progress is None else said.progress
                    checkpoint = row.checkpoint if said.checkpoint is None else said.checkpoint
                    call.tasks.live.put(row.id, replace(row, progress=progress, checkpoint=checkpoint))
                    known.add(row.id)
            return frozenset(known)

        return await self._run(session, note)

    async def miss(self, session: Session, settlements: Sequence[Settlement]) -> Mapping[Lease, ReportOutcome]:
        return await self._run(session, lambda call: _miss(call, settlements))

    async def hear(self, tenant: TenantId, session: Session) -> Heard:
        return await self._run(session, lambda call: _hear(call, tenant))

    async def count_absences(self, session: Session, absent: Sequence[TaskId], present: Sequence[TaskId]) -> None:
        def count(call: _Call) -> None:
            for id_, more in sorted({**dict.fromkeys(present, 0), **dict.fromkeys(absent, 1)}.items()):
                row = call.tasks.live.get(id_)
                leased = row is not None and row.holder == session and (row.is_held or row.is_stopping)
                if row is not None and leased and (more or row.absences):
                    call.tasks.live.put(id_, replace(row, absences=row.absences + 1 if more else 0))

        await self._run(session, count)


def _exchange(call: _Call, settlements: Sequence[Settlement], claim: Claim | None) -> Exchanged:
    executor = call.executor()
    may_claim = executor is not None and executor.may_claim
    settled = call.tasks.settle(call.session, settlements, call.now)
    claimed = call.claim(claim) if claim is not None and may_claim else []
    begun = [row.started_at for row in settled if row.started_at is not None]
    stopping = [row for row in call.tasks.live.rows() if row.is_stopping and row.holder == call.session]
    return Exchanged(
        applied=frozenset(row.id for row in settled),
        claimed=[row.as_claimed() for row in sorted(claimed, key=lambda row: (row.rank, row.id))],
        stop=[row.as_stop_order() for row in stopping],
        may_claim=may_claim,
        waits=[(call.now - row.ready_at).total_seconds() for row in claimed],
        durations=[(call.now - at).total_seconds() for at in begun],
        makes_room=any(row.slot is not None for row in settled) or any(row.turn is not None for row in claimed),
    )


def _deliver(call: _Call, claim: Claim) -> Sequence[ClaimedTask]:
    executor = call.executor()
    if executor is None or not executor.may_claim:
        return []
    mine = [r for r in call.tasks.free() if r.is_held and r.holder == call.session and r.is_undelivered]
    delivered = []
    for row in sorted(mine, key=lambda row: row.id)[: min(claim.limit, LARGEST_CLAIM)]:
        row = row.delivered(claim, call.now)
        call.tasks.live.put(row.id, row)
        delivered.append(row.as_claimed())
    return sorted(delivered, key=lambda task: task.token)


def _log(call: _Call, batches: Sequence[LogBatch]) -> frozenset[TaskId]:
    known = set()
    for batch in sorted(batches, key=lambda each: each.sequence == 0):
        if call.leased((batch.task_id, batch.token)) is None:
            continue
        mine = [b.sequence for b in call.logs.rows() if (b.task_id, b.token) == (batch.task_id, batch.token)]
        sequence = batch.sequence or max(mine, default=0) + 1
        if sequence not in mine:
            call.logs.insert((batch.task_id, batch.token, sequence), replace(batch, sequence=sequence))
        known.add(batch.task_id)
    return frozenset(known)


@dataclass(frozen=True, slots=True)
class _Known:
    token: int | None
    ending: str
    held: bool


def _miss(call: _Call, settlements: Sequence[Settlement]) -> Mapping[Lease, ReportOutcome]:
    outcomes: dict[Lease, ReportOutcome] = {}
    for each in settlements:
        known = _known(call, each.task_id)
        outcomes[each.task_id, each.token] = outcome = _outcome(each, known)
        failed = each.error is not None and each.error.code != SNOOZED
        worth_keeping = each.status is TaskStatus.COMPLETED or failed
        lease = each.task_id, each.token
        if outcome is ReportOutcome.LEASE_LOST and known and worth_keeping and call.orphans.get(lease) is None:
            call.orphans.insert(lease, each)
    return outcomes


def _known(call: _Call, task_id: TaskId) -> list[_Known]:
    """What the store says about each token of a task."""
    found = []
    live, ended = call.tasks.live.get(task_id), call.tasks.ended.get(task_id)
    for row in (live, ended):
        if row is not None:
            held = row is live and row.is_held and row.holder == call.session
            found.append(_Known(row.token, ending(row.status, row.error.code if row.error else None), held))
    found += [_Known(token, how, False) for token, how in call.tasks.tried(task_id)]
    return found


def _outcome(end: Settlement, known: Sequence[_Known]) -> ReportOutcome:
    same = [each for each in known if each.token == end.token]
    alike = {ending(end.status, end.error.code if end.error else None)}
    if end.status is TaskStatus.FAILED and end.error is None:
        alike.add(LOST)  # it gave the task back
    if any(each.ending in alike for each in same):
        return ReportOutcome.ALREADY
    return ReportOutcome.INVALID if any(each.held for each in same) else ReportOutcome.LEASE_LOST


def _hear(call: _Call, tenant: TenantId) -> Heard:
    executor = call.executor()
    if executor is None or executor.tenant != tenant:
        return Heard(now=call.now, live=False)
    mine = sorted((r for r in call.tasks.live.rows() if r.holder == call.session), key=lambda row: row.id)
    held = [
        HeldLease(
            task_id=row.id,
            token=row.token or 0,
            claimed_at=row.claimed_at or row.ready_at,
            absences=row.absences,
            delivered=not row.is_undelivered,
        )
        for row in mine
        if row.is_held
    ]
    return Heard(
        now=call.now,
        live=True,
        may_claim=executor.may_claim,
        clock_offset=executor.clock_offset,
        held=held,
        stop=[row.as_stop_order() for row in mine if row.is_stopping],
    )
