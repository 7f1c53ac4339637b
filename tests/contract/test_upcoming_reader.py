"""What is read of the jobs that will fire."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from application.scheduling.upcoming import ActiveJob, UpcomingFilter
from domain.scheduling.executor import Executor, HostInfo
from domain.scheduling.ids import ExecutorId, JobId
from domain.scheduling.placement import Capability, Placement
from domain.scheduling.schedule import Schedule
from domain.scheduling.task_status import TaskStatus
from domain.shared.ids import DEFAULT_TENANT, TenantId
from domain.timing.trigger import TriggerState
from infrastructure.sql.engine import Store
from infrastructure.sql.scheduling.reader_upcoming import SqlUpcomingReader
from infrastructure.sql.scheduling.run_times import LATEST_RUNS
from infrastructure.sql.scheduling.tables import jobs
from infrastructure.sql.scheduling.task_tables import TASK_COLUMNS, task_history, tasks
from tests.builders import capability, cron, uid
from tests.contract.builders import HOUR, add_due, fire, new_job
from tests.contract.conftest import Begin

ANY = UpcomingFilter()
HOURLY = cron("@hourly", "Europe/Berlin")


@pytest.fixture
def reader(store: Store) -> SqlUpcomingReader:
    return SqlUpcomingReader(store)


async def add(begin: Begin, name: str, after: timedelta | None = HOUR, **definition: Any) -> datetime:
    """An active hourly job that is due so much later, or never; now."""
    async with begin() as work:
        job = new_job(work.now, name, **{"trigger": HOURLY, **definition})
        job.activate("ann", work.now)
        await work.jobs.save(job)
        schedule = Schedule(
            job_id=job.id,
            job_version=1,
            lane=await work.lanes.number(job.lane),
            policy=job.definition.firing,
            state=TriggerState(since=work.now),
            upcoming=() if after is None else (work.now + after, work.now + after + HOUR),
            exhausted=after is None,
        )
        await work.schedules.put(schedule)
        await work.commit()
        return work.now


async def names(
    reader: SqlUpcomingReader, until: datetime, limit: int = 10, tenant: TenantId = DEFAULT_TENANT, **where: Any
) -> list[str]:
    return [job.name for job in await reader.active_jobs(tenant, UpcomingFilter(**where), until, limit)]


async def test_jobs_that_fire_in_time_are_read_with_schedule_and_trigger(
    begin: Begin, reader: SqlUpcomingReader
) -> None:
    now = await add(begin, "nightly", tags=("a", "b"), placement=Placement(pool="gpu"))
    (job,) = await reader.active_jobs(DEFAULT_TENANT, ANY, now + 2 * HOUR, 10)
    async with begin() as work:
        schedule = await work.schedules.take(job.schedule.job_id)
    assert job == ActiveJob(name="nightly", type="COMMAND", pool="gpu", schedule=schedule, trigger=HOURLY)


async def test_the_soonest_come_first_and_what_does_not_fire_in_time_is_left_out(
    begin: Begin, reader: SqlUpcomingReader
) -> None:
    now = await add(begin, "later", 2 * HOUR)
    await add(begin, "sooner", HOUR)
    await add(begin, "never", None)
    await add(begin, "much-later", 9 * HOUR)
    assert await names(reader, now + 3 * HOUR) == ["sooner", "later"]
    assert await names(reader, now + 3 * HOUR, 1) == ["sooner"]
    assert await names(reader, now + 3 * HOUR, tenant=TenantId("other")) == []


async def test_filters_narrow_what_is_read(begin: Begin, reader: SqlUpcomingReader) -> None:
    now = await add(begin, "one", HOUR, tags=("a", "b"))
    await add(begin, "two", 2 * HOUR, tags=("b",), placement=Placement(pool="gpu"))
    await add(begin, "three", 3 * HOUR, type="SQL")
    until = now + 4 * HOUR
    assert await names(reader, until, names=("two", "three", "nobody")) == ["two", "three"]
    assert await names(reader, until, tags=("b",)) == ["one", "two"]
    assert await names(reader, until, pools=("gpu",)) == ["two"]
    assert await names(reader, until, types=("SQL", "HTTP")) == ["three"]
    assert await names(reader, until, tags=("b",), pools=("default",)) == ["one"]


async def test_a_job_whose_definition_cannot_be_used_comes_without_a_trigger(
    begin: Begin, store: Store, reader: SqlUpcomingReader
) -> None:
    now = await add(begin, "strange")
    async with store.engine.begin() as connection:
        await connection.execute(
            sa.update(jobs).values(spec='{"name": "strange", "type": "X", "trigger": {"type": 7}}')
        )
    (job,) = await reader.active_jobs(DEFAULT_TENANT, ANY, now + 2 * HOUR, 10)
    assert job.trigger is None


async def settle(store: Store, job_id: JobId, runs: list[tuple[int | None, TaskStatus]]) -> None:
    """Put runs of a job into history: seconds, None for one that never started; they are copies of its live task."""
    async with store.engine.begin() as connection:
        row = (await connection.execute(sa.select(tasks).where(tasks.c.job_id == job_id))).mappings().one()
        for n, (seconds, status) in enumerate(runs):
            began: datetime = row["created_at"]
            ended = began + timedelta(seconds=seconds or 0)
            change = {
                "id": uid(n + 1), "status": status, "ended_at": ended, "started_at": None if seconds is None else began,
            }  # fmt: skip
            values = {name: row[name] for name in TASK_COLUMNS} | change
            await connection.execute(sa.insert(task_history).values(values))


async def test_the_run_time_is_the_median_of_the_latest_runs_that_completed(
    begin: Begin, store: Store, reader: SqlUpcomingReader
) -> None:
    schedules = await add_due(begin, 3)
    async with begin() as work:
        await work.schedules.record(fire(schedules))
        await work.commit()
    known, failing, fresh = (schedule.job_id for schedule in schedules)
    done, failed = TaskStatus.COMPLETED, TaskStatus.FAILED
    old = [(1000, done)] * 30
    latest = [(5, done), (90, failed), (None, TaskStatus.CANCELLED), (7, done), (600, done)]
    await settle(store, known, [*old, *[(6, failed)] * (LATEST_RUNS - len(latest)), *latest])
    assert await reader.run_times([known, fresh]) == {known: timedelta(seconds=7)}
    assert await reader.run_times([]) == {}
    assert failing not in await reader.run_times([failing])


async def test_slots_are_those_of_executors_online(begin: Begin, reader: SqlUpcomingReader) -> None:
    async with begin() as work:
        for name, offer in (
            ("a", capability(slots=3)),
            ("b", capability(slots=4)),
            ("c", capability(slots=5, pool="gpu")),
            ("d", capability(slots=50)),
        ):
            await work.executors.save(_executor(name, offer, work.now, drains=name == "d"))
        await work.commit()
    assert await reader.slots(DEFAULT_TENANT) == {"default": 7, "gpu": 5}
    assert await reader.slots(TenantId("other")) == {}


def _executor(name: str, offer: Capability, now: datetime, *, drains: bool) -> Executor:
    info = HostInfo(host="h", version="1")
    made = Executor.register(ExecutorId(name), DEFAULT_TENANT, uid(ord(name)), info, offer, now)
    if drains:
        made.drain("maintenance", now)
    return made
