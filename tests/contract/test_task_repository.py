"""One task at a time: locked, changed by its own rules, saved once."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from domain.scheduling.errors import IllegalTaskState, IllegalTransition, StaleVersion, TaskNotFound, UniqueKeyTaken
from domain.scheduling.ids import TaskId
from domain.scheduling.task import STOP_GRACE, Lease
from domain.scheduling.task_status import Gate, TaskStatus
from domain.shared.ids import DEFAULT_TENANT, TenantId
from infrastructure.sql.engine import Store
from infrastructure.sql.scheduling.tables import outbox
from infrastructure.sql.scheduling.task_tables import task_attempts, task_history, tasks
from tests.contract.builders import MINUTE, rows
from tests.contract.hot_tasks import Begin, HotTasks, ended

ELSEWHERE = TenantId("elsewhere")


@pytest.fixture
def hot(store: Store, begin: Begin) -> HotTasks:
    return HotTasks(store, begin)


async def cancel(begin: Begin, task_id: TaskId, reason: str | None = None) -> None:
    async with begin() as work:
        task = await work.tasks.get(DEFAULT_TENANT, task_id)
        task.cancel(reason, work.now)
        await work.tasks.save(task)
        await work.commit()


async def test_a_task_comes_back_as_it_is(hot: HotTasks) -> None:
    session = await hot.session()
    job = await hot.job()
    (lease,) = await hot.running(session, job=job)
    (waiting,) = await hot.add(job)
    async with hot.begin() as work:
        task = await work.tasks.get(DEFAULT_TENANT, lease[0])
        assert (task.id, task.tenant, task.job_id, task.job_name) == (lease[0], DEFAULT_TENANT, job.id, "backup")
        assert (task.status, task.attempt, task.version) == (TaskStatus.RUNNING, 1, 2)
        assert task.lease == Lease(executor_id=session.executor_id, epoch=1, token=lease[1])
        assert (task.stopping_until, task.status_reason, task.ended_at) == (None, None, None)
        assert (await work.tasks.get(DEFAULT_TENANT, waiting)).lease is None


async def test_a_task_that_is_not_there_or_not_the_tenant_s_is_not_found(hot: HotTasks) -> None:
    (id_,) = await hot.add(await hot.job())
    async with hot.begin() as work:
        for tenant, task_id in ((ELSEWHERE, id_), (DEFAULT_TENANT, TaskId(uuid4()))):
            with pytest.raises(TaskNotFound, match=str(task_id)):
                await work.tasks.get(tenant, task_id)


async def test_a_cancelled_task_that_nobody_holds_leaves_at_once(hot: HotTasks) -> None:
    job = await hot.job()
    (id_,) = await hot.add(job, gate=Gate.TIME, after=MINUTE)
    await cancel(hot.begin, id_, "not needed")
    row = await hot.history(id_)
    assert (row.status, row.status_reason, row.gate, row.version) == ("CANCELLED", "not needed", None, 2)
    assert row.ended_at is not None
    (event,) = await hot.events("TaskCancelled")
    assert (event["taskId"], event["jobId"], event["reason"]) == (str(id_), str(job.id), "not needed")


async def test_a_cancelled_task_that_is_held_stays_until_it_has_stopped(hot: HotTasks) -> None:
    (lease,) = await hot.running(await hot.session())
    await cancel(hot.begin, lease[0])
    row = await hot.live(lease[0])
    assert (row.status, row.executor_id, row.token) == ("CANCELLED", "e1", lease[1])
    assert row.stopping_until == row.ended_at + STOP_GRACE
    await cancel(hot.begin, lease[0])
    assert (await hot.live(lease[0])).stopping_until == row.stopping_until
    assert len(await hot.events("TaskCancelled")) == 1


async def test_cancelling_between_two_attempts_keeps_the_next_one_from_being_claimed(hot: HotTasks) -> None:
    session = await hot.session()
    (lease,) = await hot.running(session)
    now = (await hot.live(lease[0])).claimed_at
    await hot.settle(session, ended(lease, TaskStatus.WAITING_RETRY, ready_at=now))
    await cancel(hot.begin, lease[0])
    assert (await hot.history(lease[0])).token == lease[1]
    assert await hot.claim(session) == []


async def test_what_has_ended_is_found_in_history_and_stays_as_it_is(hot: HotTasks) -> None:
    session = await hot.session()
    done, cancelled = await hot.running(session, 2)
    await hot.settle(session, ended(done))
    await cancel(hot.begin, cancelled[0])
    await hot.exchange.stopped(session, [cancelled])
    told = len(await rows(hot.store, outbox))
    before = await hot.history(cancelled[0])
    await cancel(hot.begin, cancelled[0], "again")
    assert await hot.history(cancelled[0]) == before
    with pytest.raises(IllegalTransition, match="COMPLETED"):
        await cancel(hot.begin, done[0])
    assert len(await rows(hot.store, outbox)) == told


async def test_saving_what_has_changed_meanwhile_is_refused(hot: HotTasks) -> None:
    session = await hot.session()
    first, second = await hot.add(await hot.job(), 2)
    async with hot.begin() as work:
        outdated = [await work.tasks.get(DEFAULT_TENANT, id_) for id_ in (first, second)]
    await hot.claim(session)
    await cancel(hot.begin, second)
    async with hot.begin() as work:
        for task in outdated:
            task.cancel(None, work.now)
            with pytest.raises(StaleVersion, match=str(task.id)):
                await work.tasks.save(task)


async def test_the_live_tasks_of_a_job_come_oldest_first(hot: HotTasks) -> None:
    session = await hot.session()
    job, other = await hot.job(), await hot.job("other")
    ids = await hot.add(job, 3)
    await hot.add(other)
    await hot.settle(session, *[ended((task.id, task.token)) for task in await hot.claim(session)])
    async with hot.begin() as work:
        live = await work.tasks.live_of(DEFAULT_TENANT, job.id)
        assert [task.id for task in live] == ids[1:]
        assert await work.tasks.live_of(ELSEWHERE, job.id) == []
        for task in live:
            task.cancel("the job was deleted", work.now)
            await work.tasks.save(task)
        await work.commit()
    assert await hot.count(tasks) == {"PENDING": 1}
    assert len(await hot.events("TaskCancelled")) == 2


async def test_an_undone_cancel_changes_nothing(hot: HotTasks) -> None:
    (id_,) = await hot.add(await hot.job())
    async with hot.begin() as work:
        task = await work.tasks.get(DEFAULT_TENANT, id_)
        task.cancel(None, work.now)
        await work.tasks.save(task)
    assert (await hot.live(id_)).status == "PENDING"
    assert await hot.events("TaskCancelled") == []


async def reopen(begin: Begin, task_id: TaskId) -> None:
    async with begin() as work:
        task = await work.tasks.get(DEFAULT_TENANT, task_id)
        task.reopen(None, work.now)
        await work.tasks.save(task)
        await work.commit()


async def test_a_reopened_task_comes_back_from_history_once(hot: HotTasks) -> None:
    session = await hot.session()
    (lease,) = await hot.running(session)
    await hot.settle(session, ended(lease, TaskStatus.FAILED))
    before = await hot.history(lease[0])
    answers = await asyncio.gather(*(reopen(hot.begin, lease[0]) for _ in range(3)), return_exceptions=True)
    assert sorted(answer is None for answer in answers) == [False, False, True]
    assert {type(answer) for answer in answers if answer is not None} <= {StaleVersion, IllegalTaskState}
    row = await hot.live(lease[0])
    assert (row.status, row.gate, row.executor_id, row.ended_at) == ("PENDING", None, None, None)
    assert (row.created_at, row.attempt, row.parameters) == (before.created_at, 1, before.parameters)
    assert row.ready_at > before.ready_at
    assert row.rank > before.rank
    assert await rows(hot.store, task_history) == []
    assert [(a.attempt, a.status, a.token) for a in await rows(hot.store, task_attempts)] == [(1, "FAILED", lease[1])]
    (again,) = await hot.claim(session)
    assert again.token > lease[1]


async def test_a_key_belongs_to_one_live_task_of_a_tenant(hot: HotTasks) -> None:
    job = await hot.job()
    first, second = await hot.add(job, 2)
    async with hot.begin() as work:
        assert await work.tasks.with_key(DEFAULT_TENANT, "k") is None
        await work.tasks.name(first, "k")
        await work.commit()
    async with hot.begin() as work:
        assert await work.tasks.with_key(DEFAULT_TENANT, "k") == first
        assert await work.tasks.with_key(ELSEWHERE, "k") is None
        with pytest.raises(UniqueKeyTaken):
            await work.tasks.name(second, "k")
    await cancel(hot.begin, first)
    async with hot.begin() as work:
        await work.tasks.name(second, "k")
        await work.commit()
    with pytest.raises(UniqueKeyTaken):
        await reopen(hot.begin, first)
