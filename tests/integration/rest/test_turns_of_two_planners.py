"""Two nodes plan and admit at the same time on PostgreSQL: the runs of a job never overlap, and no fire is doubled."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import Any

import pytest
import sqlalchemy as sa

from application.scheduling.admitter import Admitter
from application.scheduling.planner import Planner
from bootstrap.container import Container
from infrastructure.sql.scheduling.tables import occurrences
from infrastructure.sql.scheduling.task_tables import tasks
from tests.contract.builders import rows
from tests.integration.rest.api import Api

JOBS = 3
FIRES = 25
"""Decisions that are waited for, of each job."""

SEED = 20_261
EVERY = {"type": "FIXED_RATE", "every": "PT0.1S"}
ALL = {"policy": "FIRE_ALL"}

under_way = (
    sa.select(tasks.c.job_id)
    .where(sa.or_(tasks.c.executor_id.is_not(None), sa.and_(tasks.c.gate.is_(None), tasks.c.status == "PENDING")))
    .group_by(tasks.c.job_id)
    .having(sa.func.count() > 1)
)


@pytest.fixture
def store_url(postgres_url: str) -> str:
    return postgres_url


@pytest.mark.parametrize("policy", ["SKIP", "BUFFER_ONE", "BUFFER_ALL", "CANCEL_OTHER"])
async def test_no_two_runs_of_a_job_are_under_way_at_once(api: Api, container: Container, policy: str) -> None:
    for n in range(JOBS):
        await api.create_job(f"job-{n}", overlap=policy, trigger=EVERY, misfire=ALL)
    await api.register()
    over = asyncio.Event()

    async def node() -> None:
        planner = Planner(container.work, container.ids(), container.calendars(), container.wake_up())
        admitter = Admitter(container.work, container.wake_up())
        while not over.is_set():
            await planner.tick()
            await admitter.tick()

    async def executor() -> None:
        dice, held = random.Random(SEED), list[dict[str, Any]]()
        while not over.is_set():
            held += (await api.claim())["tasks"]
            async with container.store().reader.connect() as connection:
                assert (await connection.execute(under_way)).all() == []
            dice.shuffle(held)
            if held and dice.random() < 0.5:
                await end(api, held.pop())

    async def watch() -> None:
        async with asyncio.timeout(60):
            count = 0
            while count < FIRES:
                await asyncio.sleep(0.1)
                count = min(Counter(await decided(container)).values(), default=0)
        over.set()

    async with asyncio.TaskGroup() as group:
        for part in (node(), node(), executor(), watch()):
            group.create_task(part)
    ledger = await rows(container.store(), occurrences)
    run = [(entry.job_id, entry.fire_key) for entry in ledger if entry.task_id is not None]
    assert len(run) == len(set(run)), "a fire doubled"
    assert {entry.decision for entry in ledger} > {"FIRED"}, "runs were in the way"
    live = {task.id for task in await rows(container.store(), tasks)}
    assert {entry.task_id for entry in ledger if entry.decision == "BUFFERED"} <= live, "a fire waits without a task"


async def decided(container: Container) -> list[Any]:
    """The job of each nominal time that has been decided."""
    return [
        entry.job_id for entry in await rows(container.store(), occurrences) for _ in range(entry._mapping["count"])
    ]


async def end(api: Api, item: dict[str, Any]) -> None:
    lease = {"taskId": item["taskId"], "token": item["token"]}
    (outcome,) = await api.report(lease | {"kind": "COMPLETE"})
    if outcome["outcome"] != "APPLIED":
        await api.report(lease | {"kind": "STOPPED"})
