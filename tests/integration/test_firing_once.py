"""However many nodes look at a job, and however often the platform is started, it fires as it should."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from dependency_injector import providers

from application.scheduling import planner as planning
from application.scheduling.follower import Follower
from application.scheduling.job_document import decode_document
from application.scheduling.planner import Planner
from application.scheduling.ports import SchedulingWork
from application.shared.principal import LOCAL
from bootstrap.container import Container
from bootstrap.settings import Settings
from domain.scheduling.firing import Firing
from infrastructure.clock import SystemClock
from infrastructure.sql.scheduling.tables import occurrences
from infrastructure.sql.scheduling.task_tables import TASK_COLUMNS, task_history, tasks
from infrastructure.time_zones import pin_time_zones
from tests.contract.builders import rows

NODES = 8


@asynccontextmanager
async def started(url: str) -> AsyncIterator[Container]:
    """A platform without its loops."""
    pin_time_zones()
    container = Container(settings=providers.Object(Settings(database_url=url)))
    try:
        yield container
    finally:
        await container.store().dispose()


def planner(container: Container) -> Planner:
    """That of another node."""
    return Planner(container.work, container.ids(), container.calendars(), container.wake_up())


async def create(container: Container, trigger: dict[str, Any], **more: Any) -> None:
    document = {"name": "j", "type": "COMMAND", "parameters": {"command": ["true"]}, "active": True, "trigger": trigger}
    await container.jobs().create(LOCAL, decode_document(msgspec.json.encode(document | more)))


async def decisions(container: Container) -> Counter[str]:
    return Counter(row.decision for row in await rows(container.store(), occurrences))


async def test_a_job_at_one_time_fires_once_with_many_planners_and_across_restarts(store_url: str) -> None:
    at = SystemClock().now() + timedelta(seconds=1)
    async with started(store_url) as container:
        await create(container, {"type": "ONE_TIME", "at": at.isoformat()})

        async def node() -> None:
            mine = planner(container)
            while not await decisions(container):
                await mine.tick()
                await asyncio.sleep(0.01)
            await mine.tick()

        await asyncio.gather(*(node() for _ in range(NODES)))
        assert await decisions(container) == {"FIRED": 1}
    for _ in range(2):
        async with started(store_url) as container:
            await asyncio.gather(*(planner(container).tick() for _ in range(NODES)))
            assert await decisions(container) == {"FIRED": 1}
            (entry,) = await rows(container.store(), occurrences)
            assert entry.nominal_at == at


async def test_a_job_whose_only_time_passed_while_nobody_was_there_fires_once_when_somebody_is(store_url: str) -> None:
    at = SystemClock().now() + timedelta(milliseconds=300)
    async with started(store_url) as container:
        await create(
            container,
            {"type": "ONE_TIME", "at": at.isoformat()},
            misfire={"policy": "FIRE_ALL", "grace": "PT0S"},
        )
    await asyncio.sleep(0.4)
    async with started(store_url) as container:
        await asyncio.gather(*(planner(container).tick() for _ in range(NODES)))
        assert await decisions(container) == {"FIRED": 1}


class Together(Planner):
    """Writes its first chunk only once the second has been decided as well."""

    _both = asyncio.Barrier(2)
    _written = 0

    async def _write(self, work: SchedulingWork, firings: Sequence[Firing]) -> None:
        self._written += 1
        if self._written <= 2:
            async with asyncio.timeout(60):
                await self._both.wait()
        await super()._write(work, firings)


async def test_of_a_herd_one_chunk_is_decided_while_another_is_written(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "LARGEST_CHUNK", 5)
    at = SystemClock().now() + timedelta(seconds=1)
    async with started(postgres_url) as container:
        for n in range(12):
            await create(container, {"type": "ONE_TIME", "at": at.isoformat()}, name=f"j{n}")
        mine = Together(container.work, container.ids(), container.calendars(), container.wake_up())
        while not await decisions(container):
            await mine.tick()
            await asyncio.sleep(0.01)
        assert await decisions(container) == {"FIRED": 12}


async def test_a_fixed_rate_keeps_its_times_with_many_planners(store_url: str) -> None:
    every = timedelta(milliseconds=100)
    async with started(store_url) as container:
        await create(container, {"type": "FIXED_RATE", "every": "PT0.1S"}, overlap="ALLOW")

        async def node() -> None:
            mine = planner(container)
            for _ in range(30):
                await mine.tick()
                await asyncio.sleep(0.03)

        await asyncio.gather(*(node() for _ in range(NODES)))
        found = await rows(container.store(), occurrences)
    moments: list[datetime] = []
    for entry in found:
        moments += [entry.first_nominal_at + n * every for n in range(entry._mapping["count"])]
    moments.sort()
    assert moments == [moments[0] + n * every for n in range(len(moments))], "a hole, a double or a drift"
    assert len(moments) > 5


@pytest.mark.parametrize("ending", ["COMPLETED", "CANCELLED", "deleted"])
async def test_a_chain_has_one_run_at_a_time_with_many_nodes(store_url: str, ending: str) -> None:
    async with started(store_url) as container:
        await create(container, {"type": "FIXED_DELAY", "delay": "PT0.1S"}, overlap="ALLOW")
        running = True

        async def node() -> None:
            plans, follows = planner(container), Follower(container.work, container.wake_up())
            while running:
                await follows.tick()
                await plans.tick()
                await asyncio.sleep(0.01)

        async def executor() -> None:
            nonlocal running
            for _ in range(5):
                while not (live := await rows(container.store(), tasks)):  # noqa: ASYNC110 - nothing tells of it
                    await asyncio.sleep(0.01)
                assert len(live) == 1, "two runs of a chain at a time"
                await end(container, live[0].id, ending)
            running = False

        await asyncio.gather(executor(), *(node() for _ in range(NODES // 2)))
        assert (await decisions(container))["FIRED"] >= 5
        ended = sorted(await rows(container.store(), task_history), key=lambda row: row.nominal_at)
        for earlier, later in pairwise(ended):
            assert later.nominal_at == earlier.ended_at + timedelta(milliseconds=100)


async def end(container: Container, task_id: object, ending: str) -> None:
    """Move a task to history, or away."""
    async with container.work() as work:
        if ending != "deleted":
            changed = {"status": sa.literal(ending), "ended_at": sa.literal(work.now, tasks.c.ended_at.type)}
            columns = {name: tasks.c[name] for name in TASK_COLUMNS} | changed
            moved = sa.select(*columns.values()).where(tasks.c.id == task_id)
            await work.execute(sa.insert(task_history).from_select(list(columns), moved))
        await work.execute(sa.delete(tasks).where(tasks.c.id == task_id))
        await work.commit()
