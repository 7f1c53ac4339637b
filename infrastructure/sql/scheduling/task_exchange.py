"""The conversation with executors: each call is a unit of work of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

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
from infrastructure.sql.engine import Store
from infrastructure.sql.scheduling import exchange_postgresql, exchange_sqlite, lease_scripts
from infrastructure.sql.scheduling.delivering import deliver
from infrastructure.sql.scheduling.hearing import hear
from infrastructure.sql.scheduling.letting_go import let_go_leases
from infrastructure.sql.scheduling.misses import miss
from infrastructure.sql.scheduling.scripts import ScriptRunner


class SqlTaskExchange(TaskExchange):
    """On PostgreSQL most calls are one statement, on SQLite one hop to the writer. May raise `StoreUnavailable`."""

    def __init__(self, store: Store) -> None:
        self._dialect = store.dialect
        self._store = store
        self._runner = ScriptRunner(store)

    async def exchange(self, session: Session, settlements: Sequence[Settlement], claim: Claim | None) -> Exchanged:
        script = exchange_postgresql.exchange if self._dialect == "postgresql" else exchange_sqlite.exchange
        exchanged = await self._runner.at_once(script(session, settlements, claim))
        if settlements:
            self._store.committed()
        return exchanged

    async def deliver(self, session: Session, claim: Claim) -> Sequence[ClaimedTask]:
        return await self._runner.at_once(deliver(self._dialect, session, claim))

    async def attempts(self, session: Session, leases: Sequence[Lease]) -> tuple[datetime, Sequence[Attempt]]:
        return await self._runner.at_once(lease_scripts.attempts(self._dialect, session, leases))

    async def start(self, session: Session, leases: Sequence[Lease]) -> frozenset[TaskId]:
        return await self._runner.at_once(lease_scripts.start(self._dialect, session, leases))

    async def stopped(self, session: Session, leases: Sequence[Lease]) -> frozenset[TaskId]:
        return await self._runner.in_transaction(let_go_leases(self._dialect, session, leases))

    async def log(self, session: Session, batches: Sequence[LogBatch]) -> frozenset[TaskId]:
        known: frozenset[TaskId] = frozenset()
        if numbered := [batch for batch in batches if batch.sequence]:
            known = await self._runner.at_once(lease_scripts.log(self._dialect, session, numbered))
        if others := [batch for batch in batches if not batch.sequence]:
            known |= await self._runner.in_transaction(lease_scripts.log_next(self._dialect, session, others))
        return known

    async def stand(self, session: Session, standings: Sequence[Standing]) -> frozenset[TaskId]:
        return await self._runner.at_once(lease_scripts.stand(self._dialect, session, standings))

    async def miss(self, session: Session, settlements: Sequence[Settlement]) -> Mapping[Lease, ReportOutcome]:
        return await self._runner.at_once(miss(self._dialect, session, settlements))

    async def hear(self, tenant: TenantId, session: Session) -> Heard:
        return await self._runner.at_once(hear(tenant, session))

    async def count_absences(self, session: Session, absent: Sequence[TaskId], present: Sequence[TaskId]) -> None:
        await self._runner.at_once(lease_scripts.count_absences(self._dialect, session, absent, present))
