"""A schedule that awaits the end of a run goes on once that run is alive no more, and only then."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
import sqlalchemy as sa

from domain.scheduling.ids import JobId, TaskId
from domain.scheduling.occurrence import Decision
from domain.scheduling.policies import FiringPolicy, Misfire, OverlapPolicy
from domain.scheduling.ports.schedule_queue import Fired
from domain.scheduling.schedule import Schedule
from domain.scheduling.task_status import FINAL, LIVE, TaskStatus
from domain.shared.ids import DEFAULT_TENANT
from domain.timing.triggers.fixed_delay import FixedDelayTrigger
from infrastructure.sql.engine import Store
from infrastructure.sql.scheduling.tables import schedules
from infrastructure.sql.scheduling.task_tables import TASK_COLUMNS, task_history, tasks
from tests.contract.builders import MINUTE, add_due, decided, fire, new_task, rows
from tests.contract.conftest import Begin

DELAYED = FiringPolicy.of(FixedDelayTrigger(delay=MINUTE), Misfire(), OverlapPolicy.SKIP)
SECOND = timedelta(seconds=1)


async def awaiting(begin: Begin, count: int = 1) -> list[Schedule]:
    """Schedules that have fired and await the end of their runs."""
    added = await add_due(begin, count, policy=DELAYED)
    batch = fire([replace(schedule, upcoming=schedule.upcoming[:1]) for schedule in added])
    waiting = [replace(s, awaited=t.id) for s, t in zip(batch.schedules, batch.tasks, strict=True)]
    async with begin() as work:
        await work.schedules.record(replace(batch, schedules=waiting))
        await work.commit()
    return waiting


async def end(begin: Begin, task_id: TaskId | None, status: TaskStatus = TaskStatus.COMPLETED, **row: object) -> None:
    """Move a task to history, as settling does."""
    assert task_id is not None
    async with begin() as work:
        columns = {name: tasks.c[name] for name in TASK_COLUMNS} | {"status": sa.literal(status.value)}
        columns |= {name: sa.literal(value, tasks.c[name].type) for name, value in row.items()}
        moved = sa.select(*columns.values()).where(tasks.c.id == task_id)
        await work.execute(sa.insert(task_history).from_select(list(columns), moved))
        await work.execute(sa.delete(tasks).where(tasks.c.id == task_id))
        await work.commit()


async def go_on(begin: Begin, limit: int = 100) -> int:
    async with begin() as work:
        count = await work.chains.go_on(work.now, limit)
        await work.commit()
    return count


async def take(begin: Begin, job_id: JobId) -> Schedule:
    async with begin() as work:
        return await work.schedules.take(job_id)


async def now_of(begin: Begin) -> datetime:
    async with begin() as work:
        return work.now


async def test_a_schedule_that_awaits_a_run_comes_back_as_it_was_put(begin: Begin, store: Store) -> None:
    (schedule,) = await awaiting(begin)
    since = schedule.state.last_nominal
    kept = replace(schedule, state=replace(schedule.state, since=since, last_end=since))
    async with begin() as work:
        await work.schedules.put(kept)
        await work.commit()
    assert replace(await take(begin, schedule.job_id), live=0) == kept
    (row,) = await rows(store, schedules)
    assert (row.due_at, row.awaited_task) == (None, schedule.awaited)


async def test_a_schedule_whose_run_has_ended_is_due_at_once_and_knows_when(begin: Begin) -> None:
    (schedule,) = await awaiting(begin)
    ended_at = await now_of(begin) - SECOND
    await end(begin, schedule.awaited, ended_at=ended_at)
    assert await go_on(begin) == 1
    state = replace(schedule.state, last_end=ended_at)
    expected = replace(schedule, awaited=None, state=state)
    assert await take(begin, schedule.job_id) == expected
    async with begin() as work:
        assert await work.schedules.take_due(work.now, 10) == [expected]
    assert await go_on(begin) == 0


@pytest.mark.parametrize("status", LIVE)
async def test_a_run_that_is_alive_is_awaited(begin: Begin, status: TaskStatus) -> None:
    (schedule,) = await awaiting(begin)
    async with begin() as work:
        await work.execute(sa.update(tasks).values(status=status))
        await work.commit()
    assert await go_on(begin) == 0
    assert (await take(begin, schedule.job_id)).awaited == schedule.awaited


@pytest.mark.parametrize("status", FINAL)
async def test_whatever_way_it_ended(begin: Begin, status: TaskStatus) -> None:
    (schedule,) = await awaiting(begin)
    ended_at = await now_of(begin) - SECOND
    await end(begin, schedule.awaited, status, ended_at=ended_at)
    assert await go_on(begin) == 1
    assert (await take(begin, schedule.job_id)).state.last_end == ended_at


async def test_a_run_that_was_cancelled_by_the_service_of_tasks_is_seen_too(begin: Begin) -> None:
    (schedule,) = await awaiting(begin)
    assert schedule.awaited is not None
    async with begin() as work:
        task = await work.tasks.get(DEFAULT_TENANT, schedule.awaited)
        task.cancel("not today", work.now)
        await work.tasks.save(task)
        await work.commit()
    assert await go_on(begin) == 1


async def test_a_run_that_is_still_stopping_has_not_ended(begin: Begin) -> None:
    (schedule,) = await awaiting(begin)
    async with begin() as work:
        await work.execute(sa.update(tasks).values(status="CANCELLED", stopping_until=work.now + MINUTE))
        await work.commit()
    assert await go_on(begin) == 0
    assert (await take(begin, schedule.job_id)).awaited == schedule.awaited


@pytest.mark.parametrize("status", [TaskStatus.CANCELLED, TaskStatus.TIMEOUT])
async def test_a_run_that_had_to_be_stopped_ended_when_it_had_stopped(begin: Begin, status: TaskStatus) -> None:
    (schedule,) = await awaiting(begin)
    told_to_stop = await now_of(begin) - MINUTE
    await end(begin, schedule.awaited, status, ended_at=told_to_stop, executor_id="e1")
    async with begin() as work:
        await work.chains.go_on(work.now, 10)
        assert (await work.schedules.take(schedule.job_id)).state.last_end == work.now


async def test_a_run_of_which_nothing_is_left_ended_now(begin: Begin) -> None:
    (schedule,) = await awaiting(begin)
    async with begin() as work:
        await work.execute(sa.delete(tasks))
        await work.chains.go_on(work.now, 10)
        assert (await work.schedules.take(schedule.job_id)).state.last_end == work.now


async def test_an_inactive_schedule_learns_of_the_end_without_becoming_due(begin: Begin) -> None:
    (schedule,) = await awaiting(begin)
    async with begin() as work:
        await work.schedules.put(replace(schedule, active=False))
        await work.commit()
    await end(begin, schedule.awaited, ended_at=await now_of(begin))
    assert await go_on(begin) == 1
    async with begin() as work:
        assert await work.schedules.next_due() is None


async def test_no_more_than_asked_for_go_on_at_once(begin: Begin) -> None:
    waiting = await awaiting(begin, 5)
    for schedule in waiting[:4]:
        await end(begin, schedule.awaited, ended_at=await now_of(begin))
    assert [await go_on(begin, 3), await go_on(begin, 3), await go_on(begin, 3)] == [3, 1, 0]


async def test_the_awaited_runs_are_known_but_not_without_bound(begin: Begin) -> None:
    waiting = await awaiting(begin, 3)
    async with begin() as work:
        assert set(await work.chains.awaited(10)) == {s.awaited for s in waiting}
        assert len(await work.chains.awaited(2)) == 2
    for schedule in waiting:
        await end(begin, schedule.awaited, ended_at=await now_of(begin))
    await go_on(begin)
    async with begin() as work:
        assert await work.chains.awaited(10) == []


async def test_who_is_killed_in_between_loses_nothing(begin: Begin) -> None:
    """Each step is one unit of work; here each is begun, left uncommitted, and found again."""
    (schedule,) = await add_due(begin, 1, policy=DELAYED)
    one = replace(schedule, upcoming=schedule.upcoming[:1])
    batch = fire([one])
    fired = replace(batch, schedules=[replace(s, awaited=batch.tasks[0].id) for s in batch.schedules])
    for survives in (False, True):
        async with begin() as work:
            await work.schedules.record(fired)
            if survives:
                await work.commit()
        found = await take(begin, schedule.job_id)
        assert (found.awaited is not None) is survives
        assert found.due_at is None if survives else found.due_at is not None
    await end(begin, batch.tasks[0].id, ended_at=await now_of(begin))
    for survives in (False, True):
        async with begin() as work:
            assert await work.chains.go_on(work.now, 10) == 1
            if survives:
                await work.commit()
        assert ((await take(begin, schedule.job_id)).due_at is not None) is survives


async def test_recording_keeps_what_is_awaited_and_when_the_last_run_ended(begin: Begin) -> None:
    (schedule,) = await awaiting(begin)
    skipped = decided(replace(schedule, upcoming=(await now_of(begin),)), Decision.SKIPPED_OVERLAP)
    state = replace(schedule.state, last_end=await now_of(begin))
    async with begin() as work:
        await work.schedules.record(Fired(occurrences=[skipped], tasks=[], schedules=[replace(schedule, state=state)]))
        await work.commit()
    found = await take(begin, schedule.job_id)
    assert (found.awaited, found.state.last_end) == (schedule.awaited, state.last_end)


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)  # in SQLite the other waits
async def test_what_one_node_holds_another_skips(begin: Begin) -> None:
    first, second = await awaiting(begin, 2)
    for schedule in (first, second):
        await end(begin, schedule.awaited, ended_at=await now_of(begin))
    async with begin() as one, begin() as other:
        await one.schedules.take(first.job_id)
        assert await other.chains.go_on(other.now, 10) == 1


async def test_a_schedule_that_fired_again_while_we_looked_is_left_alone(begin: Begin) -> None:
    """Two followers and a planner meet: the slower follower must not take the new run for the one that had ended."""
    (schedule,) = await awaiting(begin)
    await end(begin, schedule.awaited, ended_at=await now_of(begin))

    async def everybody() -> None:
        async with begin() as work:
            if await work.chains.go_on(work.now, 10):
                await work.commit()
        async with begin() as work:
            for due in await work.schedules.take_due(work.now, 10):
                task = new_task(due, work.now, fire_key=str(uuid4()))
                after = replace(due, awaited=task.id, live=0)
                await work.schedules.record(Fired(occurrences=[], tasks=[task], schedules=[after]))
            await work.commit()

    await asyncio.gather(*(everybody() for _ in range(8)))
    found = await take(begin, schedule.job_id)
    assert found.awaited is not None
    assert found.awaited != schedule.awaited
    assert found.live == 1
