"""The conversation with executors: each call is a transaction of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from domain.scheduling.ids import TaskId
from domain.scheduling.ports.task_exchange import (
    Claim,
    ClaimedTask,
    Exchanged,
    Heard,
    Lease,
    LogBatch,
    Standing,
    TaskExchange,
)
from domain.scheduling.ports.task_queue import Session
from domain.scheduling.settlement import Attempt, ReportOutcome, Settlement
from domain.shared.ids import TenantId
from tests.simulation.store.database import Database
from tests.simulation.store.exchange_call import Call
from tests.simulation.store.leases import hear, log, miss

T = TypeVar("T")


class MemoryTaskExchange(TaskExchange):
    """May raise `StoreUnavailable`, like every adapter."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def _run(self, session: Session, act: Callable[[Call], T]) -> T:
        transaction = self._database.begin()
        try:
            answer = await transaction.run(lambda: act(Call(transaction, session, self._database.now())))
            await transaction.commit()
            return answer
        finally:
            transaction.undo()

    async def exchange(self, session: Session, settlements: Sequence[Settlement], claim: Claim | None) -> Exchanged:
        return await self._run(session, lambda call: _exchange(call, settlements, claim))

    async def deliver(self, session: Session, claim: Claim) -> Sequence[ClaimedTask]:
        return await self._run(session, lambda call: _deliver(call, claim))

    async def attempts(self, session: Session, leases: Sequence[Lease]) -> tuple[datetime, Sequence[Attempt]]:
        def look(call: Call) -> tuple[datetime, Sequence[Attempt]]:
            return call.now, [row.as_attempt() for lease in leases if (row := call.held(lease)) is not None]

        return await self._run(session, look)

    async def start(self, session: Session, leases: Sequence[Lease]) -> frozenset[TaskId]:
        def begin(call: Call) -> frozenset[TaskId]:
            held = [row for lease in sorted(leases) if (row := call.held(lease)) is not None]
            for row in held:
                call.tasks.live.put(row.id, row.started(call.now))
            return frozenset(row.id for row in held)

        return await self._run(session, begin)

    async def stopped(self, session: Session, leases: Sequence[Lease]) -> frozenset[TaskId]:
        def let_go(call: Call) -> frozenset[TaskId]:
            found = [row for lease in sorted(leases) if (row := call.leased(lease)) is not None and not row.is_held]
            return frozenset(call.tasks.let_go(row for row in found if call.tasks.live.is_free(row.id)))

        return await self._run(session, let_go)

    async def log(self, session: Session, batches: Sequence[LogBatch]) -> frozenset[TaskId]:
        return await self._run(session, lambda call: log(call, batches))

    async def stand(self, session: Session, standings: Sequence[Standing]) -> frozenset[TaskId]:
        def note(call: Call) -> frozenset[TaskId]:
            known = set()
            for said in sorted(standings, key=lambda each: each.task_id):
                if (row := call.leased((said.task_id, said.token))) is not None:
                    progress = row.progress if said.progress is None else said.progress
                    message = row.progress_message if said.progress is None else said.message
                    checkpoint = row.checkpoint if said.checkpoint is None else said.checkpoint
                    stood = replace(row, progress=progress, progress_message=message, checkpoint=checkpoint)
                    call.tasks.live.put(row.id, stood)
                    known.add(row.id)
            return frozenset(known)

        return await self._run(session, note)

    async def miss(self, session: Session, settlements: Sequence[Settlement]) -> Mapping[Lease, ReportOutcome]:
        return await self._run(session, lambda call: miss(call, settlements))

    async def hear(self, tenant: TenantId, session: Session) -> Heard:
        return await self._run(session, lambda call: hear(call, tenant))

    async def count_absences(self, session: Session, absent: Sequence[TaskId], present: Sequence[TaskId]) -> None:
        def count(call: Call) -> None:
            for id_, more in sorted({**dict.fromkeys(present, 0), **dict.fromkeys(absent, 1)}.items()):
                row = call.tasks.live.get(id_)
                leased = row is not None and row.holder == session and (row.is_held or row.is_stopping)
                if row is not None and leased and (more or row.absences):
                    call.tasks.live.put(id_, replace(row, absences=row.absences + 1 if more else 0))

        await self._run(session, count)


def _exchange(call: Call, settlements: Sequence[Settlement], claim: Claim | None) -> Exchanged:
    executor = call.executor()
    may_claim = executor is not None and executor.may_claim
    settled = call.tasks.settle(call.session, settlements, call.now)
    before = call.held_before(claim) if claim is not None and may_claim else []
    claimed, full = call.claim(claim) if claim is not None and may_claim and not before else ([], False)
    begun = [row.started_at for row in settled if row.started_at is not None]
    stopping = [row for row in call.tasks.live.rows() if row.is_stopping and row.holder == call.session]
    return Exchanged(
        applied=frozenset(row.id for row in settled),
        claimed=[row.as_claimed() for row in sorted([*before, *claimed], key=lambda row: (row.rank, row.id))],
        stop=[row.as_stop_order() for row in stopping],
        may_claim=may_claim,
        waits=[(call.now - row.ready_at).total_seconds() for row in claimed],
        durations=[(call.now - at).total_seconds() for at in begun],
        makes_room=any(row.slot is not None for row in settled) or any(row.turn is not None for row in claimed),
        full=full,
    )


def _deliver(call: Call, claim: Claim) -> Sequence[ClaimedTask]:
    executor = call.executor()
    if executor is None or not executor.may_claim:
        return []
    mine = [r for r in call.tasks.free() if r.is_held and r.holder == call.session and r.is_undelivered]
    room = call.room(claim, undelivered=False) if mine else 0
    delivered = []
    for row in sorted(mine, key=lambda row: row.id)[:room]:
        row = row.delivered(claim, call.now)
        call.tasks.live.put(row.id, row)
        delivered.append(row.as_claimed())
    return sorted(delivered, key=lambda task: task.token)
