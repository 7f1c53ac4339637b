"""Backfills come back as they were saved, one node at a time does a step, and no fire doubles."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from application.scheduling.backfill_recording import write_up_backfill
from application.scheduling.backfill_views import BackfillFilter
from application.scheduling.queries import Slice
from domain.scheduling.backfill import Backfill, BackfillStatus
from domain.scheduling.backfill_errors import BackfillNotFound, BackfillUnderWay
from domain.scheduling.backfill_plan import BackfillOrder, BackfillOverlap, BackfillPlan, Stretch
from domain.scheduling.errors import AlreadyFired, StaleVersion
from domain.scheduling.ids import BackfillId, JobId
from domain.scheduling.priority import Priority, rank
from domain.scheduling.schedule import Schedule
from domain.scheduling.task import Origin
from domain.shared.ids import DEFAULT_TENANT, TenantId
from infrastructure.ids import TimeOrderedIds
from infrastructure.sql.engine import Store
from infrastructure.sql.scheduling.reader_backfills import SqlBackfillReader
from infrastructure.sql.scheduling.task_tables import TASK_COLUMNS, task_history, tasks
from tests.contract.builders import HOUR, MINUTE, add_due, fire, rows
from tests.contract.conftest import Begin

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
TIMES = tuple(BEGIN + HOUR * n for n in range(24))
PLAN = BackfillPlan(begin=BEGIN, end=BEGIN + DAY)
_IDS = TimeOrderedIds()


async def add_schedule(begin: Begin) -> Schedule:
    (schedule,) = await add_due(begin, 1, late=-HOUR)
    return schedule


def new(job_id: JobId, now: datetime, plan: BackfillPlan = PLAN, **fields: Any) -> Backfill:
    made = Backfill.start(BackfillId(_IDS.new()), DEFAULT_TENANT, (job_id, "backup"), plan, "ann", now)
    for name, value in fields.items():
        setattr(made, name, value)
    return made


async def save(begin: Begin, backfill: Backfill) -> None:
    async with begin() as work:
        await work.backfills.save(backfill)
        await work.commit()


async def add(begin: Begin, job_id: JobId, **fields: Any) -> Backfill:
    async with begin() as work:
        made = new(job_id, work.now, **fields)
        await work.backfills.save(made)
        await work.commit()
    return made


async def get(begin: Begin, id_: BackfillId) -> Backfill:
    async with begin() as work:
        return await work.backfills.get(DEFAULT_TENANT, id_)


def facts(backfill: Backfill) -> dict[str, object]:
    return {name: getattr(backfill, name) for name in Backfill.__dataclass_fields__ if name != "_events"}


async def test_a_backfill_comes_back_as_it_was_saved(begin: Begin) -> None:
    plan = BackfillPlan(
        begin=BEGIN,
        end=BEGIN + DAY,
        order=BackfillOrder.NEWEST_FIRST,
        overlap=BackfillOverlap.ALLOW,
        max_live=7,
        per_minute=30,
        force=True,
        priority=Priority(3),
    )
    made = new(JobId(_IDS.new()), BEGIN, plan, fired=2**40, passed=3, status_reason="it waits")
    made.looked_ahead(Stretch(times=TIMES, frontier=TIMES[-1] + timedelta(microseconds=1), is_last=True))
    await save(begin, made)
    assert facts(await get(begin, made.id)) == facts(made)
    made.cancel("enough", "bob", BEGIN + DAY)
    await save(begin, made)
    assert facts(await get(begin, made.id)) == facts(made)


async def test_one_that_is_not_there_or_belongs_to_another_is_not_found(begin: Begin) -> None:
    made = await add(begin, JobId(_IDS.new()))
    async with begin() as work:
        with pytest.raises(BackfillNotFound):
            await work.backfills.get(DEFAULT_TENANT, BackfillId(_IDS.new()))
        with pytest.raises(BackfillNotFound):
            await work.backfills.get(TenantId("other"), made.id)


async def test_a_job_has_one_at_a_time(begin: Begin) -> None:
    job_id = JobId(_IDS.new())
    first = await add(begin, job_id)
    with pytest.raises(BackfillUnderWay):
        await add(begin, job_id)
    first.cancel(None, "ann", BEGIN)
    await save(begin, first)
    await add(begin, job_id)


async def test_what_somebody_else_has_changed_meanwhile_is_not_overwritten(begin: Begin) -> None:
    made = await add(begin, JobId(_IDS.new()))
    mine, theirs = await get(begin, made.id), await get(begin, made.id)
    theirs.pause(None, "bob", BEGIN)
    await save(begin, theirs)
    mine.cancel(None, "ann", BEGIN)
    with pytest.raises(StaleVersion):
        await save(begin, mine)


async def test_the_one_that_is_due_the_longest_is_taken_first(begin: Begin) -> None:
    async with begin() as work:
        now = work.now
        assert await work.backfills.next_due() is None
        assert await work.backfills.take_due(now) is None
    later = await add(begin, JobId(_IDS.new()), due_at=now - MINUTE)
    longest = await add(begin, JobId(_IDS.new()), due_at=now - HOUR)
    await add(begin, JobId(_IDS.new()), due_at=now + HOUR)
    await add(begin, JobId(_IDS.new()), due_at=None)
    async with begin() as work:
        assert await work.backfills.next_due() == longest.due_at
        first = await work.backfills.take_due(now)
        assert first is not None
        assert first.id == longest.id
        first.due_at = now + HOUR
        await work.backfills.save(first)
        second = await work.backfills.take_due(now)
        assert second is not None
        assert second.id == later.id


async def test_steps_on_many_nodes_at_once_fire_each_time_once(begin: Begin, store: Store) -> None:
    schedule = await add_schedule(begin)
    made = await add(begin, schedule.job_id, waiting=TIMES, walked=True)

    async def node() -> None:
        for _ in range(40):
            async with begin() as work:
                backfill = await work.backfills.take_due(work.now)
                if backfill is not None:
                    taken = await work.schedules.take(backfill.job_id)
                    keys = [backfill.key_of(n) for n in backfill.waiting]
                    backfill.pass_over(await work.run_history.fired_among(backfill.job_id, keys))
                    times = backfill.take(0, work.now)
                    await work.schedules.record(write_up_backfill(backfill, taken, times, _IDS, work.now).fired)
                    await work.backfills.save(backfill)
                    await work.commit()
            await asyncio.sleep(0)

    await asyncio.gather(*(node() for _ in range(4)))
    ended = await get(begin, made.id)
    assert (ended.status, ended.fired) == (BackfillStatus.COMPLETED, len(TIMES))
    assert sorted(row.nominal_at for row in await rows(store, tasks)) == list(TIMES)


async def test_its_tasks_have_their_priority_and_leave_the_schedule_alone(begin: Begin, store: Store) -> None:
    schedule = await add_schedule(begin)
    async with begin() as work:
        before, now = await work.schedules.take(schedule.job_id), work.now
        made = new(schedule.job_id, now)
        await work.schedules.record(write_up_backfill(made, before, TIMES[:1], _IDS, now).fired)
        await work.commit()
    (task,) = await rows(store, tasks)
    assert (task.priority, task.rank) == (1, rank(now, Priority(1)))
    assert (task.origin, task.nominal_at, task.scheduled_time) == (Origin.BACKFILL, TIMES[0], now)
    async with begin() as work:
        after = await work.schedules.take(schedule.job_id)
    assert after == replace(before, live=1)


async def test_the_ledger_refuses_a_backfilled_fire_that_it_has(begin: Begin) -> None:
    (schedule,) = await add_due(begin, 1)
    async with begin() as work:
        await work.schedules.record(fire([schedule]))
        await work.commit()
    async with begin() as work:
        made = new(schedule.job_id, work.now)
        key = made.key_of(schedule.upcoming[0])
        assert set(await work.run_history.fired_among(schedule.job_id, [key, "another"])) == {key}
        assert not await work.run_history.fired_among(JobId(_IDS.new()), [key])
        assert not await work.run_history.fired_among(schedule.job_id, [])
        with pytest.raises(AlreadyFired):
            await work.schedules.record(write_up_backfill(made, schedule, schedule.upcoming[:1], _IDS, work.now).fired)


async def test_live_and_ended_runs_are_told_apart(begin: Begin, store: Store) -> None:
    schedule = await add_schedule(begin)
    async with begin() as work:
        made = new(schedule.job_id, work.now)
        await work.schedules.record(write_up_backfill(made, schedule, TIMES[:8], _IDS, work.now).fired)
        await work.commit()
    async with begin() as work:
        assert await work.run_history.live_backfilled(schedule.job_id) == 8
        assert await work.run_history.longest_backfilled(schedule.job_id, made.id) == timedelta(0)
    ids = [row.id for row in await rows(store, tasks)]
    async with begin() as work:
        for n, id_ in enumerate(ids[:6]):
            took = HOUR if n == 0 else MINUTE * n  # the longest is the first of six: five count
            ended: dict[str, Any] = {"status": "COMPLETED", "ended_at": work.now + took, "created_at": work.now}
            row = {c: tasks.c[c] if c not in ended else sa.literal(ended[c], tasks.c[c].type) for c in TASK_COLUMNS}
            await work.execute(
                sa.insert(task_history).from_select(list(row), sa.select(*row.values()).where(tasks.c.id == id_))
            )
            await work.execute(sa.delete(tasks).where(tasks.c.id == id_))
        await work.commit()
    async with begin() as work:
        assert await work.run_history.live_backfilled(schedule.job_id) == 2
        assert await work.run_history.live_backfilled(JobId(_IDS.new())) == 0
        assert await work.run_history.longest_backfilled(schedule.job_id, made.id) == 5 * MINUTE
        assert await work.run_history.longest_backfilled(schedule.job_id, BackfillId(ids[5])) == timedelta(0)


async def test_lists_are_newest_first_by_job_and_status_page_by_page(begin: Begin, store: Store) -> None:
    job_id = JobId(_IDS.new())
    ended = await add(begin, job_id, status=BackfillStatus.COMPLETED, due_at=None)
    running = await add(begin, job_id)
    other = await add(begin, JobId(_IDS.new()))
    reader = SqlBackfillReader(store)

    async def ids(where: BackfillFilter, **page: Any) -> tuple[list[UUID], str | None]:
        found = await reader.backfills(DEFAULT_TENANT, where, Slice(**page))
        return [view.id for view in found.items], found.next_cursor

    assert await ids(BackfillFilter()) == ([other.id, running.id, ended.id], None)
    assert await ids(BackfillFilter(job_id=job_id)) == ([running.id, ended.id], None)
    assert await ids(BackfillFilter(statuses=("COMPLETED",))) == ([ended.id], None)
    first, cursor = await ids(BackfillFilter(), limit=2)
    assert first == [other.id, running.id]
    assert await ids(BackfillFilter(), limit=2, cursor=cursor) == ([ended.id], None)
    assert (await reader.backfill(DEFAULT_TENANT, running.id)).status == "RUNNING"
    with pytest.raises(BackfillNotFound):
        await reader.backfill(TenantId("other"), running.id)
