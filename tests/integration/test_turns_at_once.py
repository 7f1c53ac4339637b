"""Turns on a PostgreSQL that several use at the same moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import sqlalchemy as sa

from application.scheduling.admitter import SOON, Admitter
from application.scheduling.ending_others import end_tasks_before
from domain.scheduling.occurrence import Decision
from domain.scheduling.policies import FiringPolicy, OverlapPolicy
from domain.scheduling.ports.schedule_queue import Fired
from domain.scheduling.task_status import Gate
from infrastructure.clock import SystemClock
from infrastructure.local.wake_up import LocalWakeUp
from infrastructure.sql.engine import Store, open_store
from infrastructure.sql.scheduling.tables import occurrences
from infrastructure.sql.scheduling.task_tables import tasks
from infrastructure.sql.scheduling.work import SqlSchedulingWork
from tests.contract.builders import TZDATA, add_due, decided, new_task, rows

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


@pytest.fixture
async def store(postgres_url: str) -> AsyncIterator[Store]:
    store = open_store(postgres_url, SystemClock())
    yield store
    await store.dispose()


async def test_ending_others_and_a_batch_of_reports_never_wait_for_each_other(store: Store) -> None:
    def begin() -> SqlSchedulingWork:
        return SqlSchedulingWork(store, TZDATA)

    first_job, second_job = sorted(await add_due(begin, 2), key=lambda schedule: schedule.job_id)
    low, high = (
        new_task(job, job.upcoming[0], fire_key=None) for job in (second_job, first_job)
    )  # the first job has the later task
    async with begin() as work:
        await work.queue.add([low, high])
        await work.commit()

    async def end() -> None:
        async with begin() as work:
            await end_tasks_before(work, [first_job.job_id, second_job.job_id], ())
            await work.commit()

    async with store.engine.connect() as reports, store.reader.connect() as watch:
        locking = sa.select(tasks.c.id).with_for_update(nowait=True)
        await reports.execute(locking.where(tasks.c.id == low.id))
        ending = asyncio.create_task(end())
        async with asyncio.timeout(30):
            while not (await watch.execute(sa.text(WAITING))).scalar_one():
                await watch.rollback()
                await asyncio.sleep(0.01)
        await reports.execute(locking.where(tasks.c.id == high.id))  # whoever waits for the first has not this one yet
        await reports.rollback()
    await ending
    async with begin() as work:
        assert list(await work.tasks.live_fires_of([first_job.job_id, second_job.job_id])) == []


async def test_a_fire_does_not_begin_while_another_one_decides_about_its_job(store: Store) -> None:
    """Who has the schedule may be ending what waits. He may wait for the admitter, which therefore waits for nobody."""

    def begin() -> SqlSchedulingWork:
        return SqlSchedulingWork(store, TZDATA)

    in_turn = FiringPolicy(overlap=OverlapPolicy.CANCEL_OTHER)
    (schedule,) = await add_due(begin, 1, policy=in_turn, firing=in_turn)
    task = new_task(schedule, schedule.upcoming[0], gate=Gate.LIMIT)
    entry = decided(schedule, Decision.BUFFERED, task_id=task.id)
    async with begin() as work:
        await work.schedules.record(Fired(occurrences=[entry], tasks=[task], schedules=[schedule]))
        await work.commit()
    admitter = Admitter(begin, LocalWakeUp())
    async with begin() as planner:
        await planner.schedules.take(schedule.job_id)
        assert await admitter.tick() == SOON
        await end_tasks_before(planner, [schedule.job_id], ())
        await planner.commit()
    assert await admitter.tick() is None
    assert [row.decision for row in await rows(store, occurrences)] == ["SUPERSEDED"]
