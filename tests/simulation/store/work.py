"""The unit of work of scheduling in memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from types import TracebackType
from typing import NoReturn, Self

from application.scheduling.ports import SchedulingWork
from domain.scheduling.graph import Dependent, Graph
from domain.scheduling.ids import JobId, TaskId
from domain.scheduling.ports.backfill_repository import BackfillRepository
from domain.scheduling.ports.dead_letter_queue import DeadLetterQueue
from domain.scheduling.ports.graph_book import GraphBook, Named
from domain.scheduling.ports.health_book import HealthBook
from domain.scheduling.ports.judgement_queue import JudgementQueue
from domain.scheduling.ports.listener_queue import Fire, Listener, ListenerQueue
from domain.scheduling.ports.run_book import RunBook
from domain.scheduling.ports.run_history import RunHistory
from domain.scheduling.ports.switch_board import SwitchBoard
from domain.scheduling.switch import Stopped, Switch
from domain.shared.events import DomainEvent
from domain.shared.ids import TenantId
from domain.timing.event_pattern import EventPattern
from tests.simulation.store.admissions import MemoryAdmissionQueue
from tests.simulation.store.aggregates import (
    MemoryExecutorRepository,
    MemoryJobRepository,
    MemoryLaneDirectory,
)
from tests.simulation.store.database import Database, Table, Transaction
from tests.simulation.store.events import told
from tests.simulation.store.schedules import MemoryChainQueue, MemoryScheduleQueue
from tests.simulation.store.single_tasks import MemoryTaskRepository
from tests.simulation.store.statement import statement
from tests.simulation.store.task_queue import MemoryTaskQueue


class MemorySchedulingWork(SchedulingWork):
    """One transaction. Its time is that of the store when it began."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._transaction: Transaction | None = None
        self._events: list[DomainEvent] = []
        self._now: datetime | None = None

    @property
    def transaction(self) -> Transaction:
        """Raises RuntimeError outside of it."""
        if self._transaction is None:
            raise RuntimeError("the unit of work has not begun")
        return self._transaction

    @property
    def now(self) -> datetime:
        if self._now is None:
            raise RuntimeError("the unit of work has not begun")
        return self._now

    async def __aenter__(self) -> Self:
        self._transaction = self._database.begin()
        self._now = await self._transaction.run(self._database.now)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.transaction.undo()

    def record(self, events: Sequence[DomainEvent]) -> None:
        self._events += events

    async def commit(self) -> None:
        self.transaction.events += told(self._events)
        self._events = []
        await self.transaction.commit()

    @cached_property
    def jobs(self) -> MemoryJobRepository:
        return MemoryJobRepository(self.transaction)

    @cached_property
    def schedules(self) -> MemoryScheduleQueue:
        return MemoryScheduleQueue(self.transaction, self.now)

    @cached_property
    def chains(self) -> MemoryChainQueue:
        return MemoryChainQueue(self.transaction)

    @cached_property
    def tasks(self) -> MemoryTaskRepository:
        return MemoryTaskRepository(self.transaction, self.now)

    @cached_property
    def queue(self) -> MemoryTaskQueue:
        return MemoryTaskQueue(self.transaction, self.now)

    @cached_property
    def admissions(self) -> MemoryAdmissionQueue:
        return MemoryAdmissionQueue(self.transaction)

    @cached_property
    def executors(self) -> MemoryExecutorRepository:
        return MemoryExecutorRepository(self.transaction)

    @cached_property
    def lanes(self) -> MemoryLaneDirectory:
        return MemoryLaneDirectory(self.transaction)

    @cached_property
    def switches(self) -> SwitchBoard:
        return MemorySwitchBoard(self.transaction)

    @cached_property
    def listeners(self) -> ListenerQueue:
        return NobodyListens()

    @cached_property
    def graph(self) -> GraphBook:
        return NoDependencies()

    @property
    def judgements(self) -> JudgementQueue:
        return _none("dependencies")

    @property
    def runs(self) -> RunBook:
        return _none("dependencies")

    @property
    def backfills(self) -> BackfillRepository:
        return _none("backfills")

    @property
    def run_history(self) -> RunHistory:
        return _none("backfills")

    @property
    def health(self) -> HealthBook:
        return _none("findings")

    @property
    def dead(self) -> DeadLetterQueue:
        return _none("redrives")


class MemorySwitchBoard(SwitchBoard):
    """Part of a unit of work."""

    def __init__(self, transaction: Transaction) -> None:
        self.transaction = transaction
        self._switches: Table[Switch, Stopped] = Table(transaction, "switches")

    @statement
    def stopped(self) -> Sequence[Stopped]:
        return self._switches.rows()

    @statement
    def stop(self, stopped: Stopped) -> None:
        if self._switches.lock(stopped.switch) is None:
            self._switches.put(stopped.switch, stopped)

    @statement
    def start(self, switch: Switch) -> None:
        self._switches.remove(switch)


class NobodyListens(ListenerQueue):
    """No job of a world fires on events."""

    async def put(self, job_id: JobId, patterns: Sequence[EventPattern]) -> None:
        if patterns:
            _none("events")

    async def listening(self, tenant: TenantId, event_types: Collection[str]) -> Mapping[str, Sequence[JobId]]:
        return {}

    async def take(self, job_ids: Collection[JobId]) -> Sequence[Listener]:
        return ()

    async def fired(self, fires: Collection[Fire]) -> Mapping[Fire, TaskId]:
        return {}


class NoDependencies(GraphBook):
    """No job of a world depends on another."""

    async def lock(self, tenant: TenantId) -> None:
        pass

    async def version(self, tenant: TenantId) -> int:
        return 0

    async def load(self, tenant: TenantId) -> Graph:
        return Graph(())

    async def above(self, jobs: Collection[JobId]) -> Graph:
        return Graph(())

    async def find(self, job_id: JobId) -> Dependent | None:
        return None

    async def named(self, tenant: TenantId, keys: Collection[JobId | str]) -> Mapping[JobId | str, Named]:
        return {}

    async def dependents_of(self, job_id: JobId) -> Sequence[str]:
        return ()

    async def put(self, tenant: TenantId, dependent: Dependent) -> None:
        _none("dependencies")

    async def remove(self, job_id: JobId) -> None:
        pass


def _none(what: str) -> NoReturn:
    raise NotImplementedError(f"this store has no {what}")
