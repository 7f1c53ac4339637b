"""Whatever interrupts an exchange or a script, it has taken place as a whole or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import sqlalchemy as sa

from application.shared.errors import StoreUnavailable
from domain.scheduling.ids import ExecutorId
from domain.scheduling.placement import Placement
from domain.shared.ids import DEFAULT_TENANT
from infrastructure.clock import SystemClock
from infrastructure.sql.engine import Store, open_store
from infrastructure.sql.relation import Statement
from infrastructure.sql.scheduling.scripts import Script, ScriptRunner
from infrastructure.sql.scheduling.tables import executors
from infrastructure.sql.scheduling.task_tables import task_history, tasks
from infrastructure.sql.scheduling.work import SqlSchedulingWork
from tests.contract.builders import HOUR, TZDATA, rows
from tests.contract.hot_tasks import FIRST_LANE, HotTasks, ended, wish

BLOCKED = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()
"""


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    store = open_store(store_url, SystemClock())
    yield store
    await store.dispose()


@pytest.fixture
async def postgres(postgres_url: str) -> AsyncIterator[HotTasks]:
    store = open_store(postgres_url, SystemClock())
    yield HotTasks(store, lambda: SqlSchedulingWork(store, TZDATA))
    await store.dispose()


async def test_an_exchange_whose_connection_dies_has_settled_and_claimed_nothing(postgres: HotTasks) -> None:
    hot = postgres
    session = await hot.session()
    first, locked = await hot.running(session, 2)
    await hot.add(await hot.job(), 3)
    before = await rows(hot.store, tasks)
    reports, claim = [ended(first), ended(locked)], wish(3)
    async with hot.begin() as work:
        await work.tasks.get(DEFAULT_TENANT, locked[0])
        exchange = asyncio.create_task(hot.exchange.exchange(session, reports, claim))
        while not (await work.execute(sa.text(BLOCKED))).all():  # noqa: ASYNC110 - nothing tells that it waits
            await asyncio.sleep(0.01)
        with pytest.raises(StoreUnavailable):
            await exchange
    assert await rows(hot.store, tasks) == before
    assert await rows(hot.store, task_history) == []
    assert await hot.events("TaskCompleted") == []
    answer = await hot.exchange.exchange(session, reports, claim)
    assert answer.applied == {first[0], locked[0]}
    assert len(answer.claimed) == 3


async def test_a_claim_that_meets_only_what_others_are_taking_goes_on_to_the_next_lane(postgres: HotTasks) -> None:
    hot = postgres
    session = await hot.session()
    (taken,) = await hot.add(await hot.job("here"), after=-HOUR)
    (free,) = await hot.add(await hot.job("there", placement=Placement(pool="gpu")))
    lanes = (FIRST_LANE, FIRST_LANE + 1)
    async with hot.begin() as work:
        await work.tasks.get(DEFAULT_TENANT, taken)
        answer = await hot.exchange.exchange(session, [], wish(5, *lanes))
        assert [task.id for task in answer.claimed] == [free]
        assert await hot.claim(session, 5, *lanes) == []
    assert [task.id for task in await hot.claim(session, 5, *lanes)] == [taken]


RENAME = Statement(lambda _: sa.update(executors).values(host=sa.bindparam("b_host")))
NONSENSE = Statement(lambda _: sa.text("SELECT nonsense"))


def breaks() -> Script[None]:
    yield RENAME, {"b_host": "changed"}
    raise ValueError("in the middle")


def is_refused() -> Script[None]:
    yield RENAME, {"b_host": "changed"}
    yield NONSENSE, {}


def renames() -> Script[int]:
    yield RENAME, {"b_host": "changed"}
    return 7


async def hosts(store: Store) -> set[str]:
    return {row.host for row in await rows(store, executors, executors.c.id == ExecutorId("e1"))}


async def test_a_script_that_breaks_leaves_nothing_and_the_next_one_works(store: Store) -> None:
    await HotTasks(store, lambda: SqlSchedulingWork(store, TZDATA)).session()
    runner = ScriptRunner(store)
    with pytest.raises(ValueError, match="in the middle"):
        await runner.in_transaction(breaks())
    with pytest.raises(Exception, match="nonsense"):
        await runner.in_transaction(is_refused())
    assert await hosts(store) == {"h"}
    assert await runner.in_transaction(renames()) == 7
    assert await hosts(store) == {"changed"}


async def test_a_cancelled_hop_to_the_writer_is_finished_and_blocks_nobody(sqlite_url: str) -> None:
    store = open_store(sqlite_url, SystemClock())
    hot = HotTasks(store, lambda: SqlSchedulingWork(store, TZDATA))
    session = await hot.session()
    await hot.add(await hot.job(), 50)
    for moment in range(12):
        exchange = asyncio.create_task(hot.exchange.exchange(session, (), wish(3)))
        for _ in range(moment):
            await asyncio.sleep(0)
        exchange.cancel()
        await asyncio.gather(exchange, return_exceptions=True)
    count = await hot.count(tasks)
    assert count["RUNNING"] % 3 == 0
    assert count.total() == 50
    assert len(await hot.claim(session, 50)) == count["PENDING"]
    await store.dispose()
