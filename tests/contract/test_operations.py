"""Operations on both stores: done when they are due or wished for, by one node at a time, each time on record."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa

from application.operations.locking import Locking
from application.operations.operation_control import OperationControl
from application.operations.operation_runner import HELD_ELSEWHERE, OperationRunner, lock_term
from application.operations.upkeep import Tally, Upkeep, Work
from application.shared.principal import LOCAL
from domain.operations.errors import ExecutionNotFound, OperationNotFound
from domain.operations.execution import ExecutionId
from domain.operations.operation import OperationTerms
from infrastructure.ids import TimeOrderedIds
from infrastructure.local.wake_up import LocalWakeUp
from infrastructure.sql.cursors import InvalidCursor
from infrastructure.sql.engine import Store
from infrastructure.sql.operations.lock_tables import locks
from infrastructure.sql.operations.locks import SqlLocks
from infrastructure.sql.operations.operation_tables import maintenance_executions, operations
from infrastructure.sql.operations.work import SqlOperationsWork
from infrastructure.sql.operations_reader import SqlOperationsReader
from tests.builders import HOUR, MINUTE
from tests.contract.builders import rows

TERMS = OperationTerms(name="sweep", description="Sweep the floor.", every=HOUR)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
Begin = Callable[[], SqlOperationsWork]


class Sweeping:
    """Does two at a time; a test says when it fails and whether it is held up."""

    def __init__(self) -> None:
        self.times = 0
        self.error: Exception | None = None
        self.begun = asyncio.Event()
        self.may_end = asyncio.Event()
        self.may_end.set()

    async def __call__(self, tally: Tally) -> None:
        self.times += 1
        tally.add(2)
        self.begun.set()
        await self.may_end.wait()
        if self.error is not None:
            raise self.error
        tally.add(1)


@pytest.fixture
def begin(store: Store) -> Begin:
    return lambda: SqlOperationsWork(store)


@pytest.fixture
def reader(store: Store) -> SqlOperationsReader:
    return SqlOperationsReader(store)


@pytest.fixture
def control(begin: Begin, reader: SqlOperationsReader) -> OperationControl:
    return OperationControl([TERMS], begin, reader, TimeOrderedIds(), LocalWakeUp())


def node(store: Store, begin: Begin, work: Work, name: str = "a", terms: OperationTerms = TERMS) -> OperationRunner:
    locking = Locking(SqlLocks(store, TimeOrderedIds(), name))
    reader = SqlOperationsReader(store)
    return OperationRunner([Upkeep(terms, work)], begin, reader, locking, TimeOrderedIds(), name)


async def is_due(store: Store) -> None:
    async with store.engine.begin() as connection:
        await connection.execute(sa.update(operations).values(next_run_at=LONG_AGO))


async def later(store: Store) -> None:
    """It is due, and whoever had its lock is out of time."""
    await is_due(store)
    async with store.engine.begin() as connection:
        await connection.execute(sa.delete(locks))


async def ended(reader: SqlOperationsReader) -> list[tuple[str, int, str]]:
    page = await reader.executions("sweep", (), 50, None)
    return [(each.status, each.processed_count, each.triggered_by) for each in page.items]


async def test_an_operation_is_done_when_it_is_due_and_what_it_did_is_on_record(
    store: Store, begin: Begin, reader: SqlOperationsReader, control: OperationControl
) -> None:
    sweeping = Sweeping()
    runner = node(store, begin, sweeping)
    assert (await control.one("sweep")).next_run_at is None
    await runner.tick()
    rest = await runner.tick()
    assert rest is not None
    assert HOUR - MINUTE < rest <= HOUR
    assert sweeping.times == 1
    view = await control.one("sweep")
    last = view.last_execution
    assert last is not None
    assert (view.status, view.every, view.failures) == ("ACTIVE", "PT1H", 0)
    assert (last.status, last.processed_count, last.triggered_by, last.server_instance) == (
        "SUCCESS", 3, "SCHEDULER", "a"
    )  # fmt: skip
    assert last.executed_at is not None
    assert last.ended_at is not None
    assert view.next_run_at == last.ended_at + HOUR
    assert await reader.execution(ExecutionId(last.id)) == last
    await later(store)
    await runner.tick()
    assert await ended(reader) == [("SUCCESS", 3, "SCHEDULER")] * 2


async def test_one_that_fails_says_what_it_did_until_then_and_is_tried_again_soon(
    store: Store, begin: Begin, reader: SqlOperationsReader, control: OperationControl
) -> None:
    sweeping = Sweeping()
    sweeping.error = RuntimeError("the broom is broken\nand more")
    runner = node(store, begin, sweeping)
    await runner.tick()
    view = await control.one("sweep")
    assert view.last_execution is not None
    assert (view.status, view.failures) == ("ERROR", 1)
    assert view.last_execution.error_message == "RuntimeError: the broom is broken"
    assert await ended(reader) == [("ERROR", 2, "SCHEDULER")]
    rest = await runner.tick()
    assert rest is not None
    assert rest <= timedelta(seconds=30)
    sweeping.error = None
    await later(store)
    await runner.tick()
    assert (await control.one("sweep")).status == "ACTIVE"


async def test_one_that_takes_too_long_is_ended(
    store: Store, begin: Begin, reader: SqlOperationsReader, control: OperationControl
) -> None:
    sweeping = Sweeping()
    sweeping.may_end.clear()
    hasty = OperationTerms(name="sweep", description="Sweep.", every=HOUR, timeout=timedelta(milliseconds=20))
    await node(store, begin, sweeping, terms=hasty).tick()
    assert await ended(reader) == [("TIMEOUT", 2, "SCHEDULER")]
    assert (await control.one("sweep")).status == "ERROR"


async def test_one_is_done_on_one_node_at_a_time(store: Store, begin: Begin, reader: SqlOperationsReader) -> None:
    sweeping = Sweeping()
    sweeping.may_end.clear()
    first, second = node(store, begin, sweeping), node(store, begin, sweeping, "b")
    running = asyncio.create_task(first.tick())
    await sweeping.begun.wait()
    await is_due(store)
    assert len(await rows(store, locks)) == 1
    assert await second.tick() == HELD_ELSEWHERE
    sweeping.may_end.set()
    await running
    await asyncio.gather(*(node(store, begin, sweeping, name).tick() for name in "cdef"))
    assert sweeping.times == 1
    assert await ended(reader) == [("SUCCESS", 3, "SCHEDULER")]


async def test_one_whose_node_died_is_taken_over_and_the_record_says_so(
    store: Store, begin: Begin, reader: SqlOperationsReader
) -> None:
    stuck, sweeping = Sweeping(), Sweeping()
    stuck.may_end.clear()
    dying = asyncio.create_task(node(store, begin, stuck, "dead").tick())
    await stuck.begun.wait()
    await later(store)
    await node(store, begin, sweeping, "b").tick()
    assert await ended(reader) == [("SUCCESS", 3, "SCHEDULER"), ("CANCELLED", 0, "SCHEDULER")]
    stuck.may_end.set()
    await dying
    assert await ended(reader) == [("SUCCESS", 3, "SCHEDULER"), ("CANCELLED", 0, "SCHEDULER")], "it is too late"
    (lost,) = (await reader.executions("sweep", ("CANCELLED",), 50, None)).items
    assert "The node dead did not" in (lost.error_message or "")


async def test_a_node_that_stops_cuts_its_work_off_and_another_goes_on_at_once(
    store: Store, begin: Begin, reader: SqlOperationsReader
) -> None:
    sweeping = Sweeping()
    sweeping.may_end.clear()
    runner = node(store, begin, sweeping)
    running = asyncio.create_task(runner.tick())
    await sweeping.begun.wait()
    runner.stop()
    await running
    assert await ended(reader) == [("CANCELLED", 2, "SCHEDULER")]
    sweeping.may_end.set()
    await runner.tick()
    assert sweeping.times == 1, "a node that stops begins nothing"
    await node(store, begin, sweeping, "b").tick()
    assert await ended(reader) == [("SUCCESS", 3, "SCHEDULER"), ("CANCELLED", 2, "SCHEDULER")]


async def test_a_paused_one_is_done_on_demand_only(
    store: Store, begin: Begin, reader: SqlOperationsReader, control: OperationControl
) -> None:
    sweeping = Sweeping()
    runner = node(store, begin, sweeping)
    paused = await control.pause(LOCAL, "sweep", "The floor is wet.")
    assert (paused.status, paused.paused_reason, paused.paused_by) == ("PAUSED", "The floor is wet.", "local")
    assert paused.next_run_at is None
    assert await runner.tick() is None
    wished = await control.run(LOCAL, "sweep")
    assert (await control.run(LOCAL, "sweep")).id == wished.id, "it has not begun"
    assert (wished.status, wished.triggered_by, wished.requested_by) == ("PENDING", "API", "local")
    await runner.tick()
    assert await ended(reader) == [("SUCCESS", 3, "API")]
    assert (await reader.execution(ExecutionId(wished.id))).status == "SUCCESS"
    assert (await control.run(LOCAL, "sweep")).id != wished.id
    await control.resume("sweep")
    assert (await control.one("sweep")).status == "ACTIVE"


async def test_an_interval_that_somebody_sets_holds_on_every_node(
    store: Store, begin: Begin, control: OperationControl
) -> None:
    runner = node(store, begin, Sweeping(), "b")
    await runner.tick()
    changed = await control.change_interval("sweep", timedelta(milliseconds=90_500))
    assert (changed.every, changed.shipped_every) == ("PT1M30.5S", "PT1H")
    rest = await runner.tick()
    assert rest is not None
    assert rest <= timedelta(seconds=91)
    assert (await control.change_interval("sweep", None)).every == "PT1H"


async def test_the_record_is_read_page_by_page_the_newest_first(
    store: Store, begin: Begin, reader: SqlOperationsReader
) -> None:
    runner = node(store, begin, Sweeping())
    for _ in range(5):
        await runner.tick()
        await later(store)
    seen: list[UUID] = []
    cursor: str | None = None
    while True:
        page = await reader.executions(None, ("SUCCESS", "ERROR"), 2, cursor)
        seen += [each.id for each in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == sorted((row.id for row in await rows(store, maintenance_executions)), reverse=True)
    assert (await reader.executions(None, ("ERROR",), 2, None)).items == []
    first = await reader.executions(None, (), 2, None)
    with pytest.raises(InvalidCursor):
        await reader.executions("sweep", (), 2, first.next_cursor)


async def test_what_does_not_exist_is_said_so(control: OperationControl, reader: SqlOperationsReader) -> None:
    with pytest.raises(OperationNotFound, match="'mop'"):
        await control.run(LOCAL, "mop")
    with pytest.raises(ExecutionNotFound):
        await reader.execution(ExecutionId(UUID(int=1)))


def test_its_lock_is_held_for_longer_than_it_may_take() -> None:
    term = lock_term(TERMS)
    assert term.name == "operation:sweep"
    assert term.at_most > TERMS.timeout
