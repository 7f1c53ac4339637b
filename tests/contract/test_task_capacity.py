"""An executor never holds more tasks than it has slots, however its claims and reports meet."""

from __future__ import annotations

import asyncio

import pytest
import sqlalchemy as sa

from domain.scheduling.ids import TaskId
from domain.scheduling.ports.task_exchange import Lease
from domain.scheduling.ports.task_queue import Session
from domain.scheduling.task import Lease as Assignment
from domain.scheduling.task_status import TaskStatus
from domain.shared.ids import DEFAULT_TENANT
from infrastructure.sql.engine import Store
from infrastructure.sql.scheduling import exchange_postgresql
from infrastructure.sql.scheduling.scripts import run_in
from infrastructure.sql.scheduling.task_tables import task_history, tasks
from tests.contract.hot_tasks import FLAKY, Begin, HotTasks, ended, leases, wish


@pytest.fixture
def hot(store: Store, begin: Begin) -> HotTasks:
    return HotTasks(store, begin)


async def held(hot: HotTasks) -> int:
    async with hot.store.reader.connect() as connection:
        counted = sa.select(sa.func.count()).where(tasks.c.executor_id.is_not(None))
        return (await connection.execute(counted)).scalar_one()


async def cancel(hot: HotTasks, task_id: TaskId) -> None:
    async with hot.begin() as work:
        task = await work.tasks.get(DEFAULT_TENANT, task_id)
        task.cancel(None, work.now)
        await work.tasks.save(task)
        await work.commit()


async def assign(hot: HotTasks, session: Session, task_id: TaskId) -> None:
    async with hot.begin() as work:
        task = await work.tasks.get(DEFAULT_TENANT, task_id)
        task.assign(Assignment(session.executor_id, session.epoch, await work.tasks.next_token()), work.now)
        await work.tasks.save(task)
        await work.commit()


async def test_a_claim_gets_no_more_than_there_are_free_slots(hot: HotTasks) -> None:
    session, other = await hot.session("e1"), await hot.session("e2")
    await hot.add(await hot.job(), 10)
    sizes = [len(await hot.claim(session, limit, slots=5)) for limit in (3, 10, 10)]
    assert sizes == [3, 2, 0]
    assert len(await hot.claim(other, 10, slots=4)) == 4


async def test_a_claim_says_when_a_task_waits_that_there_is_no_slot_for(hot: HotTasks) -> None:
    session = await hot.session()
    (lease,) = await hot.running(session)
    assert not (await hot.exchange.exchange(session, (), wish(1, slots=1))).full
    await hot.add(await hot.job(), 1)
    assert (await hot.exchange.exchange(session, (), wish(1, slots=1))).full
    answer = await hot.exchange.exchange(session, [ended(lease)], wish(1, slots=1))
    assert len(answer.claimed) == 1
    assert not answer.full


async def test_what_is_reported_in_the_same_call_makes_room(hot: HotTasks) -> None:
    session = await hot.session()
    done, failed, retried, lost, *_ = await hot.running(session, 6)
    await hot.add(await hot.job(), 10)
    reports = [
        ended(done),
        ended(failed, TaskStatus.FAILED, error=FLAKY),
        ended(retried, TaskStatus.WAITING_RETRY, ready_at=(await hot.live(retried[0])).claimed_at, error=FLAKY),
        ended((lost[0], lost[1] + 100)),  # somebody else's token: nothing ends
    ]
    answer = await hot.exchange.exchange(session, reports, wish(10, slots=6))
    assert answer.applied == {done[0], failed[0], retried[0]}
    assert len(answer.claimed) == 3
    assert await held(hot) == 6


async def test_an_attempt_that_is_to_stop_has_its_slot_until_it_has_stopped(hot: HotTasks) -> None:
    session = await hot.session()
    first, _ = await hot.running(session, 2)
    await hot.add(await hot.job(), 5)
    await cancel(hot, first[0])
    assert await hot.claim(session, 5, slots=2) == []
    assert await hot.exchange.stopped(session, [first]) == {first[0]}
    assert len(await hot.claim(session, 5, slots=2)) == 1
    assert await hot.exchange.stopped(session, [first]) == frozenset()
    assert await hot.claim(session, 5, slots=2) == []


async def test_a_repeated_claim_returns_the_same_when_all_slots_are_taken(hot: HotTasks) -> None:
    session = await hot.session()
    await hot.add(await hot.job(), 5)
    claim = wish(3, slots=3)
    first, again = [(await hot.exchange.exchange(session, (), claim)).claimed for _ in range(2)]
    assert len(first) == 3
    assert again == first


async def test_a_slot_is_kept_for_what_was_assigned_by_name(hot: HotTasks) -> None:
    session = await hot.session()
    leases_ = await hot.running(session, 2)
    named, *_ = await hot.add(await hot.job(), 5)
    await assign(hot, session, named)
    assert await hot.exchange.deliver(session, wish(5, slots=2)) == []
    assert (await hot.exchange.exchange(session, [ended(leases_[0])], wish(5, slots=2))).claimed == []
    assert [task.id for task in await hot.exchange.deliver(session, wish(5, slots=2))] == [named]
    assert await hot.claim(session, 5, slots=2) == []


async def test_claims_and_reports_of_one_executor_at_once_never_exceed_its_slots(hot: HotTasks) -> None:
    """Each caller knows its own tasks only, as processes behind one name would, and asks for more than there is."""
    session = await hot.session()
    await hot.add(await hot.job(), 120)
    seen: list[int] = []

    async def work_off() -> list[TaskId]:
        done: list[TaskId] = []
        held_here: list[Lease] = []
        while len(await hot.count(tasks)):
            reports = [ended(lease) for lease in held_here]
            answer = await hot.exchange.exchange(session, reports, wish(4, slots=7))
            seen.append(await held(hot))
            held_here = leases(answer.claimed)
            done += [task_id for task_id, _ in held_here]
        return done

    done = [task_id for part in await asyncio.gather(*(work_off() for _ in range(5))) for task_id in part]
    assert max(seen) == 7
    assert len(done) == len(set(done)) == 120
    assert await hot.count(task_history) == {"COMPLETED": 120}


async def test_a_claim_waits_for_another_of_its_executor_and_counts_what_that_got(hot: HotTasks) -> None:
    if hot.store.dialect == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    session, other = await hot.session("e1"), await hot.session("e2")
    await hot.add(await hot.job(), 20)
    async with hot.begin() as work:
        first = await run_in(work, exchange_postgresql.exchange(session, (), wish(5, slots=8)))
        second = asyncio.create_task(hot.claim(session, 5, slots=8))
        while not await _waits(hot.store):  # noqa: ASYNC110 - it is the database that changes
            await asyncio.sleep(0.01)
        assert len(await hot.claim(other, 2, slots=8)) == 2
        await work.commit()
    assert [len(first.claimed), len(await second)] == [5, 3]


async def _waits(store: Store) -> bool:
    """Whether somebody waits for the lock that the claims of an executor take."""
    asked = """
        SELECT EXISTS (
            SELECT FROM pg_locks JOIN pg_database d ON d.oid = database
            WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()
        )"""
    async with store.reader.connect() as connection:
        return bool((await connection.execute(sa.text(asked))).scalar_one())
