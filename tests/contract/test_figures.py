"""Figures are what the store knows at this moment."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from application.scheduling.figures import Figures, PoolFigures
from domain.scheduling.health import Ailment
from domain.scheduling.job import JobStatus
from domain.scheduling.placement import Placement
from domain.scheduling.task_status import Gate
from infrastructure.sql.engine import Store
from infrastructure.sql.scheduling.reader_figures import SqlFigures
from infrastructure.sql.scheduling.tables import executors, jobs
from tests.contract.hot_tasks import Begin, HotTasks

MINUTE = timedelta(minutes=1)


@pytest.fixture
def hot(store: Store, begin: Begin) -> HotTasks:
    return HotTasks(store, begin)


async def figures(store: Store) -> Figures:
    return await SqlFigures(store).figures()


def pool_of(found: Figures, name: str) -> PoolFigures:
    (pool,) = [pool for pool in found.pools if pool.pool == name]
    return pool


async def test_an_empty_store_has_nothing(store: Store) -> None:
    assert await figures(store) == Figures(
        active_jobs=0, online_executors=0, pools=[], ailing=dict.fromkeys(map(str, Ailment), 0)
    )


async def test_only_jobs_that_are_active_count(store: Store, hot: HotTasks) -> None:
    for number, status in enumerate(JobStatus):
        job = await hot.job(f"job-{number}")
        async with store.engine.begin() as connection:
            await connection.execute(sa.update(jobs).where(jobs.c.id == job.id).values(status=status))
    assert (await figures(store)).active_jobs == 1


async def test_slots_are_those_of_executors_that_are_online_but_what_others_hold_is_held(
    store: Store, hot: HotTasks
) -> None:
    for name in ("e1", "e2"):
        session = await hot.session(name)
        await hot.running(session, 2)
    found = await figures(store)
    assert (found.online_executors, pool_of(found, "default").slots) == (2, 200)
    async with store.engine.begin() as connection:
        await connection.execute(sa.update(executors).where(executors.c.id == "e2").values(status="DRAINING"))
    found = await figures(store)
    assert (found.online_executors, pool_of(found, "default").slots) == (1, 100)
    assert pool_of(found, "default").slots_used == 4


async def test_the_oldest_wait_is_the_longest_of_the_lanes_of_a_pool(store: Store, hot: HotTasks) -> None:
    await hot.add(await hot.job("young"), after=-MINUTE)
    await hot.add(await hot.job("old", placement=Placement(requires={"os": "linux"})), after=-5 * MINUTE)
    await hot.add(await hot.job("elsewhere", placement=Placement(pool="gpu")), after=-2 * MINUTE)
    await hot.add(await hot.job("later"), after=-9 * MINUTE, gate=Gate.TIME)
    found = await figures(store)
    assert pool_of(found, "default").oldest_wait_seconds // 60 == 5
    assert pool_of(found, "gpu").oldest_wait_seconds // 60 == 2


async def test_what_an_executor_has_taken_waits_no_more(store: Store, hot: HotTasks) -> None:
    await hot.add(await hot.job(), after=-MINUTE)
    await hot.claim(await hot.session())
    assert pool_of(await figures(store), "default").oldest_wait_seconds == 0
