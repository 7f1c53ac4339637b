"""What the store says to a heartbeat: whether the session is the present one, its clock, and what it may do."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.scheduling.ids import ExecutorId
from domain.scheduling.ports.task_queue import Session
from domain.shared.ids import DEFAULT_TENANT, TenantId
from infrastructure.sql.engine import Store
from tests.contract.hot_tasks import Begin, HotTasks

OFFSET = timedelta(milliseconds=1_500)


@pytest.fixture
def hot(store: Store, begin: Begin) -> HotTasks:
    return HotTasks(store, begin)


async def test_a_session_is_heard_at_the_time_of_the_store(hot: HotTasks) -> None:
    session = await hot.session()
    async with hot.begin() as work:
        before = work.now
    heard = await hot.exchange.hear(DEFAULT_TENANT, session)
    async with hot.begin() as work:
        assert before <= heard.now <= work.now
    assert (heard.live, heard.may_claim, heard.clock_offset) == (True, True, None)
    assert (heard.held, heard.stop) == ([], [])


async def test_what_is_known_of_its_clock_and_its_draining_is_told(hot: HotTasks) -> None:
    session = await hot.session()
    async with hot.begin() as work:
        executor = await work.executors.get(DEFAULT_TENANT, session.executor_id)
        executor.measure_clock(work.now + OFFSET, work.now)
        executor.drain("maintenance", work.now)
        await work.executors.save(executor)
        await work.commit()
    heard = await hot.exchange.hear(DEFAULT_TENANT, session)
    assert (heard.live, heard.may_claim, heard.clock_offset) == (True, False, OFFSET)


async def test_leases_come_in_the_order_of_their_ids_with_what_shall_stop_apart(hot: HotTasks) -> None:
    session = await hot.session()
    *held, stopping = await hot.running(session, 4)
    async with hot.begin() as work:
        task = await work.tasks.get(DEFAULT_TENANT, stopping[0])
        task.cancel("enough", work.now)
        await work.tasks.save(task)
        await work.commit()
    heard = await hot.exchange.hear(DEFAULT_TENANT, session)
    assert [(h.task_id, h.token) for h in heard.held] == sorted(held)
    assert [(s.task_id, s.token, s.reason) for s in heard.stop] == [(*stopping, "enough")]


async def test_a_session_that_is_not_the_present_one_is_not_live_and_hears_of_no_leases(hot: HotTasks) -> None:
    first = await hot.session()
    await hot.running(first)
    second = await hot.session()
    async with hot.begin() as work:
        executor = await work.executors.get(DEFAULT_TENANT, second.executor_id)
        executor.leave(work.now)
        await work.executors.save(executor)
        await work.commit()
    for session in (first, second, Session(executor_id=ExecutorId("nobody"), epoch=1)):
        heard = await hot.exchange.hear(DEFAULT_TENANT, session)
        assert (heard.live, heard.may_claim, heard.held, heard.stop) == (False, False, (), ())


async def test_a_session_of_another_tenant_is_none(hot: HotTasks) -> None:
    session = await hot.session()
    assert not (await hot.exchange.hear(TenantId("acme"), session)).live
