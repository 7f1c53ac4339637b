"""Dead letters: found by what they have in common, taken back to life as sets."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from domain.scheduling.dead_letter import DeadLetters, Pace, Reopened
from domain.scheduling.ids import TaskId
from domain.scheduling.job import Job
from domain.scheduling.task import TaskError
from domain.scheduling.task_status import Gate, TaskStatus
from domain.shared.ids import DEFAULT_TENANT, TenantId
from infrastructure.sql.engine import Store
from infrastructure.sql.scheduling.task_tables import task_attempts, task_history, tasks
from tests.contract.builders import HOUR, rows
from tests.contract.hot_tasks import Begin, HotTasks, ended

FULL = TaskError("DISK_FULL", "no space on 'sda1'")
ALL = DeadLetters(tenant=DEFAULT_TENANT)


@pytest.fixture
def hot(store: Store, begin: Begin) -> HotTasks:
    return HotTasks(store, begin)


async def dead(hot: HotTasks, count: int = 1, error: TaskError = FULL, job: Job | None = None) -> list[TaskId]:
    """Tasks that have failed for good."""
    session = await hot.session()
    job = job or await active_job(hot)
    leases = await hot.running(session, count, job=job)
    await hot.settle(session, *(ended(lease, TaskStatus.FAILED, error=error) for lease in leases))
    return sorted(id_ for id_, _ in leases)


async def active_job(hot: HotTasks, **definition: object) -> Job:
    job = await hot.job(f"job-{uuid4()}"[:12], **definition)
    async with hot.begin() as work:
        stored = await work.jobs.get(DEFAULT_TENANT, job.id)
        stored.activate("ann", work.now)
        await work.jobs.save(stored)
        await work.commit()
    return job


async def reopen(hot: HotTasks, ids: list[TaskId], pace: Pace | None = None) -> list[Reopened]:
    async with hot.begin() as work:
        wished = list((pace or Pace()).reopenings(ids, 0, work.now, work.now))
        back = await work.dead.reopen(wished, "the disk was replaced")
        await work.commit()
    return sorted(back, key=lambda each: each.task_id)


async def found(hot: HotTasks, which: DeadLetters, limit: int = 100) -> list[TaskId]:
    async with hot.begin() as work:
        ids = list(await work.dead.find(which, limit))
        assert len(ids) == min(limit, await work.dead.count(which))
    return ids


async def test_they_are_found_by_what_they_have_in_common_oldest_first(hot: HotTasks) -> None:
    job = await active_job(hot)
    full = await dead(hot, 3, job=job)
    other = await dead(hot, 1, TaskError("DISK_FULL", "no space on 'sdb1'"))
    away = await dead(hot, 1, TaskError("AWAY", "the host is away"))
    assert await found(hot, ALL) == full + other + away
    assert await found(hot, ALL, limit=2) == full[:2]
    which = DeadLetters(tenant=DEFAULT_TENANT, fingerprint=FULL.fingerprint)
    assert await found(hot, which) == full + other
    assert await found(hot, DeadLetters(tenant=DEFAULT_TENANT, job_id=job.id)) == full
    at = (await hot.history(away[0])).ended_at
    assert await found(hot, DeadLetters(tenant=DEFAULT_TENANT, since=at)) == away
    assert await found(hot, DeadLetters(tenant=DEFAULT_TENANT, until=at)) == full + other
    assert await found(hot, DeadLetters(tenant=TenantId("elsewhere"))) == []


async def test_what_nobody_wanted_or_what_succeeded_is_none(hot: HotTasks) -> None:
    session = await hot.session()
    done, cancelled = await hot.running(session, 2, job=await active_job(hot))
    await hot.settle(session, ended(done), ended(cancelled, TaskStatus.CANCELLED))
    assert await found(hot, ALL) == []


async def test_jobs_that_are_out_of_service_keep_theirs(hot: HotTasks) -> None:
    await dead(hot, job=await hot.job("created"))
    assert await found(hot, ALL) == []


async def test_they_come_back_for_one_more_attempt(hot: HotTasks) -> None:
    ids = await dead(hot, 2, job=(job := await active_job(hot, priority=7)))
    before = await hot.history(ids[0])
    back = await reopen(hot, ids)
    assert [(r.task_id, r.job_id, r.attempt, r.gate) for r in back] == [(id_, job.id, 1, None) for id_ in ids]
    row = await hot.live(ids[0])
    assert (row.status, row.status_reason, row.gate) == ("PENDING", "the disk was replaced", None)
    assert (row.error, row.ended_at, row.executor_id, row.claim_id) == (None, None, None, None)
    assert (row.version, row.priority) == (before.version + 1, 7)
    attempts = await rows(hot.store, task_attempts)
    assert [(a.task_id, a.attempt, a.status, a.error) for a in attempts] == [
        (id_, 1, "FAILED", before.error) for id_ in ids
    ]
    claimed = await hot.claim(await hot.session(), 5)
    assert sorted((task.id, task.attempt) for task in claimed) == [(id_, 2) for id_ in ids]


async def test_at_a_pace_they_wait_for_their_time(hot: HotTasks) -> None:
    ids = await dead(hot, 3)
    back = await reopen(hot, ids, Pace(1 / 3600))
    assert [r.gate for r in back] == [None, Gate.TIME, Gate.TIME]
    lives = [await hot.live(id_) for id_ in ids]
    assert [row.ready_at - lives[0].ready_at for row in lives] == [timedelta(0), HOUR, 2 * HOUR]
    assert [row.rank - lives[0].rank for row in lives] == [0, 3_600_000_000, 7_200_000_000]
    assert len(await hot.claim(await hot.session(), 5)) == 1


async def test_two_who_take_the_same_take_each_once(hot: HotTasks) -> None:
    ids = await dead(hot, 20)
    taken = await asyncio.gather(*(reopen(hot, ids) for _ in range(3)), return_exceptions=True)
    back = [r.task_id for result in taken if not isinstance(result, BaseException) for r in result]
    assert sorted(back) == ids
    assert sorted(row.id for row in await rows(hot.store, tasks)) == ids
    assert await rows(hot.store, task_history) == []
    assert len(await rows(hot.store, task_attempts)) == 20


async def test_one_whose_unique_key_is_in_use_stays_dead(hot: HotTasks) -> None:
    job = await active_job(hot)
    ids = await dead(hot, 2, job=job)
    async with hot.begin() as work:
        await work.execute(task_history.update().where(task_history.c.id == ids[0]).values(unique_key="k"))
        await work.commit()
    (live,) = await hot.add(job)
    await hot.put(live, unique_key="k")
    assert [r.task_id for r in await reopen(hot, ids)] == [ids[1]]
    assert (await hot.history(ids[0])).status == "FAILED"


async def test_none_at_all_are_no_statement(hot: HotTasks) -> None:
    assert await reopen(hot, []) == []
    assert await reopen(hot, [TaskId(uuid4())]) == []
