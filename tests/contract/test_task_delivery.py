"""Tasks that were assigned by name reach their executor, and no other."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.scheduling.ids import TaskId
from domain.scheduling.policies import Timeouts
from domain.scheduling.ports.task_queue import Session
from domain.scheduling.task import Lease
from domain.scheduling.task_status import Gate
from domain.shared.ids import DEFAULT_TENANT
from infrastructure.sql.engine import Store
from tests.contract.hot_tasks import Begin, HotTasks, wish


@pytest.fixture
def hot(store: Store, begin: Begin) -> HotTasks:
    return HotTasks(store, begin)


async def assigned(hot: HotTasks, session: Session, task_id: TaskId) -> int:
    """The token under which the task now waits to be delivered."""
    async with hot.begin() as work:
        task = await work.tasks.get(DEFAULT_TENANT, task_id)
        token = await work.tasks.next_token()
        task.assign(Lease(session.executor_id, session.epoch, token), work.now)
        await work.tasks.save(task)
        await work.commit()
    return token


async def test_what_was_assigned_is_delivered_once_and_to_nobody_else(hot: HotTasks) -> None:
    session, other = await hot.session("e1"), await hot.session("e2")
    job = await hot.job(timeouts=Timeouts(execution=timedelta(minutes=1)))
    (before,) = await hot.running(session, job=job)
    named, at_dusk = await hot.add(job, 2, gate=Gate.TIME, after=timedelta(hours=1))
    tokens = [await assigned(hot, session, id_) for id_ in (at_dusk, named)]
    assert before[1] < tokens[0] < tokens[1]
    row = await hot.live(named)
    assert (row.status, row.gate, row.attempt, row.claim_id, row.deadline_at) == ("ASSIGNED", None, 1, None, None)
    assert await hot.exchange.deliver(other, wish(5)) == []
    assert not await hot.claim(other, 5)
    assert [(h.task_id, h.delivered) for h in (await hot.exchange.hear(DEFAULT_TENANT, session)).held] == sorted(
        [(before[0], True), (named, False), (at_dusk, False)]
    )
    claim = wish(5, started=False)
    delivered = await hot.exchange.deliver(session, claim)
    assert [(task.id, task.token) for task in delivered] == [(at_dusk, tokens[0]), (named, tokens[1])]
    row = await hot.live(named)
    assert (row.status, row.attempt, row.deadline_at) == ("ASSIGNED", 1, row.claimed_at + timedelta(minutes=1))
    assert await hot.exchange.deliver(session, claim) == []
    again = (await hot.exchange.exchange(session, (), claim)).claimed
    assert {task.id for task in again} == {named, at_dusk}
    assert (await hot.claim(session, 1)) == []


async def test_a_session_that_is_over_is_delivered_nothing(hot: HotTasks) -> None:
    session = await hot.session("e1")
    (id_,) = await hot.add(await hot.job())
    await assigned(hot, session, id_)
    await hot.session("e1")
    assert await hot.exchange.deliver(session, wish(1)) == []


async def test_a_delivery_keeps_to_the_limit_and_may_start(hot: HotTasks) -> None:
    session = await hot.session()
    ids = await hot.add(await hot.job(), 3)
    for id_ in ids:
        await assigned(hot, session, id_)
    assert [t.id for t in await hot.exchange.deliver(session, wish(2))] == ids[:2]
    assert (await hot.live(ids[0])).status == "RUNNING"
    assert (await hot.live(ids[2])).status == "ASSIGNED"
