"""Each waiting task is handed out once, the first of the lane that has waited longest before all others."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from domain.scheduling.ids import TaskId
from domain.scheduling.placement import Placement
from domain.scheduling.policies import Timeouts
from domain.scheduling.ports.task_exchange import LARGEST_CLAIM, Lease
from domain.scheduling.ports.task_queue import Session
from domain.scheduling.priority import Priority
from domain.scheduling.task_status import Gate
from domain.shared.ids import DEFAULT_TENANT
from domain.shared.json_value import JsonText
from infrastructure.sql.engine import Store
from infrastructure.sql.scheduling.task_tables import task_history, tasks
from tests.contract.builders import HOUR, MINUTE, rows
from tests.contract.hot_tasks import FIRST_LANE, Begin, HotTasks, ended, leases, wish


@pytest.fixture
def hot(store: Store, begin: Begin) -> HotTasks:
    return HotTasks(store, begin)


async def test_a_claimed_task_comes_with_what_its_executor_has_to_know(hot: HotTasks) -> None:
    session = await hot.session()
    parameters = JsonText('{"command": ["echo", "\\u0000", "ü"], "n": 1.50}')
    job = await hot.job(timeouts=Timeouts(execution=MINUTE, queue=HOUR))
    (task_id,) = await hot.add(job, parameters=parameters)
    (task,) = await hot.claim(session)
    row = await hot.live(task_id)
    assert (task.id, task.token, task.attempt, task.job_name) == (task_id, row.token, 1, "backup")
    assert (task.lane, task.parameters, task.checkpoint) == (FIRST_LANE, parameters, None)
    assert (task.timeout_seconds, task.deadline_at) == (60, row.claimed_at + MINUTE)
    assert (row.status, row.executor_id, row.epoch, row.expires_at) == ("RUNNING", "e1", 1, None)
    assert row.started_at == row.claimed_at


async def test_without_an_execution_timeout_there_is_no_deadline(hot: HotTasks) -> None:
    session = await hot.session()
    await hot.add(await hot.job())
    (task,) = await hot.claim(session)
    assert (task.timeout_seconds, task.deadline_at) == (None, None)


async def test_a_checkpoint_is_handed_on_to_the_next_attempt(hot: HotTasks) -> None:
    session = await hot.session()
    (task_id,) = await hot.add(await hot.job())
    await hot.put(task_id, checkpoint='{"page": 7}', progress=0.5, progress_message="half")
    (task,) = await hot.claim(session)
    assert task.checkpoint == '{"page": 7}'
    row = await hot.live(task_id)
    assert (row.progress, row.progress_message) == (None, None)


async def test_a_task_that_is_claimed_ahead_is_assigned_and_not_yet_running(hot: HotTasks) -> None:
    session = await hot.session()
    (task_id,) = await hot.add(await hot.job())
    await hot.claim(session, started=False)
    row = await hot.live(task_id)
    assert (row.status, row.started_at) == ("ASSIGNED", None)
    assert row.claimed_at is not None


async def test_tokens_only_rise(hot: HotTasks) -> None:
    session = await hot.session()
    await hot.add(await hot.job(), 30)
    tokens = [task.token for limit in (10, 5, 15) for task in await hot.claim(session, limit)]
    assert len(set(tokens)) == 30
    calls = tokens[:10], tokens[10:15], tokens[15:]
    assert [max(call) for call in calls[:-1]] < [min(call) for call in calls[1:]]


async def test_the_lowest_rank_is_handed_out_first(hot: HotTasks) -> None:
    session = await hot.session()
    jobs = [await hot.job(f"p{level}", priority=Priority(level)) for level in (1, 5, 10)]
    low, normal, high = [(await hot.add(job))[0] for job in jobs]
    (aged,) = await hot.add(jobs[0], after=timedelta(hours=-5))
    (newest,) = await hot.add(jobs[2])
    assert [task.id for task in await hot.claim(session, 3)] == [high, newest, aged]
    assert [task.id for task in await hot.claim(session, 3)] == [normal, low]


async def test_the_lane_whose_first_task_has_the_lowest_rank_comes_first(hot: HotTasks) -> None:
    session = await hot.session()
    here, there = await hot.job("here"), await hot.job("there", placement=Placement(pool="gpu"))
    newer = await hot.add(here, 2, after=-MINUTE)
    older = await hot.add(there, 2, after=-HOUR)
    lanes = (FIRST_LANE, FIRST_LANE + 1)
    first = await hot.claim(session, 5, *lanes)
    assert [task.id for task in first] == older
    assert {task.lane for task in first} == {FIRST_LANE + 1}
    assert [task.id for task in await hot.claim(session, 5, *lanes)] == newer


async def test_the_lanes_of_an_executor_of_its_own_come_before_those_with_lower_ranks(hot: HotTasks) -> None:
    session = await hot.session()
    anywhere = await hot.job("anywhere")
    here = await hot.job("here", placement=Placement(executor=session.executor_id))
    older = await hot.add(anywhere, 1, after=-HOUR)
    own = await hot.add(here, 1, after=-MINUTE)
    lanes = (FIRST_LANE, FIRST_LANE + 1)
    wishes = [await hot.claim(session, 5, *lanes, own=[FIRST_LANE + 1]) for _ in range(3)]
    assert [[task.id for task in claimed] for claimed in wishes] == [own, older, []]


async def test_tasks_that_waited_for_nine_hours_go_before_all_that_come_later(hot: HotTasks) -> None:
    """So the lowest one starves at most so long under an endless stream of the highest."""
    session = await hot.session()
    lowest, highest = [await hot.job(f"p{level}", priority=Priority(level)) for level in (1, 10)]
    (patient,) = await hot.add(lowest, after=-9 * HOUR)
    before = await hot.add(highest, 2, after=-MINUTE)
    later = await hot.add(highest, 3, after=MINUTE)
    assert [task.id for task in await hot.claim(session, 10)] == [*before, patient, *later]


async def test_lanes_that_were_not_asked_for_are_left_alone(hot: HotTasks) -> None:
    session = await hot.session()
    await hot.add(await hot.job("there", placement=Placement(pool="gpu")))
    await hot.job()
    assert await hot.claim(session, 5, FIRST_LANE + 1) == []
    assert await hot.claim(session, 5, 77) == []
    assert len(await hot.claim(session, 5, FIRST_LANE)) == 1


async def test_what_waits_behind_a_gate_is_never_handed_out(hot: HotTasks) -> None:
    session = await hot.session()
    job = await hot.job()
    for gate in Gate:
        await hot.add(job, gate=gate, after=-HOUR)
    assert await hot.count(tasks) == {"PENDING": len(Gate) - 2, "BLOCKED": 2}
    assert await hot.claim(session, 100) == []


async def test_a_claim_gets_no_more_than_it_asks_for_and_never_more_than_the_largest(hot: HotTasks) -> None:
    session = await hot.session()
    await hot.add(await hot.job(), LARGEST_CLAIM + 20)
    sizes = [len(await hot.claim(session, limit)) for limit in (1, 3, 7, 2 * LARGEST_CLAIM, 100)]
    assert sizes == [1, 3, 7, LARGEST_CLAIM, 9]


async def test_a_repeated_claim_returns_what_is_still_held_under_it(hot: HotTasks) -> None:
    session = await hot.session()
    await hot.add(await hot.job(), 10)
    claim = wish(4)
    first = (await hot.exchange.exchange(session, (), claim)).claimed
    repeated = (await hot.exchange.exchange(session, (), claim)).claimed
    assert repeated == first
    assert len(first) == 4
    await hot.settle(session, ended(leases(first)[0]))
    assert (await hot.exchange.exchange(session, (), claim)).claimed == first[1:]
    assert await hot.count(tasks) == {"RUNNING": 3, "PENDING": 6}


async def test_a_repeated_claim_leaves_out_what_is_to_be_stopped(hot: HotTasks) -> None:
    session = await hot.session()
    await hot.add(await hot.job(), 2)
    claim = wish(2)
    first, second = (await hot.exchange.exchange(session, (), claim)).claimed
    async with hot.begin() as work:
        task = await work.tasks.get(DEFAULT_TENANT, first.id)
        task.cancel(None, work.now)
        await work.tasks.save(task)
        await work.commit()
    answer = await hot.exchange.exchange(session, (), claim)
    assert answer.claimed == [second]
    assert [order.task_id for order in answer.stop] == [first.id]


async def test_the_claim_of_another_session_is_not_repeated(hot: HotTasks) -> None:
    first, second = await hot.session("e1"), await hot.session("e2")
    await hot.add(await hot.job(), 2)
    claim = wish(1)
    (mine,) = (await hot.exchange.exchange(first, (), claim)).claimed
    (theirs,) = (await hot.exchange.exchange(second, (), claim)).claimed
    assert mine.id != theirs.id


async def test_only_a_present_session_that_is_online_may_claim(hot: HotTasks) -> None:
    old = await hot.session("e1")
    await hot.add(await hot.job(), 3)
    (lease,) = leases(await hot.claim(old))
    new = await hot.session("e1")
    answer = await hot.exchange.exchange(old, [ended(lease)], wish(1))
    assert not answer.claimed
    assert not answer.may_claim
    assert answer.applied == {lease[0]}
    assert (await hot.exchange.exchange(new, (), None)).may_claim
    async with hot.begin() as work:
        executor = await work.executors.get(DEFAULT_TENANT, new.executor_id)
        executor.drain("upgrade", work.now)
        await work.executors.save(executor)
        await work.commit()
    answer = await hot.exchange.exchange(new, (), wish(1))
    assert not answer.claimed
    assert not answer.may_claim


async def test_eight_claimers_at_once_get_each_task_exactly_once(hot: HotTasks) -> None:
    await hot.add(await hot.job(), 600, after=-HOUR)
    await hot.add(await hot.job("other", placement=Placement(pool="gpu")), 200)

    async def work_off(session: Session) -> list[TaskId]:
        done: list[TaskId] = []
        held: list[Lease] = []
        while True:
            answer = await hot.exchange.exchange(
                session, [ended(lease) for lease in held], wish(7, FIRST_LANE, FIRST_LANE + 1)
            )
            assert len(answer.applied) == len(held)
            if not answer.claimed:
                return done
            held = leases(answer.claimed)
            done += [task_id for task_id, _ in held]

    sessions = [await hot.session(f"e{n}") for n in range(8)]
    done = [task_id for part in await asyncio.gather(*(work_off(s) for s in sessions)) for task_id in part]
    assert len(done) == len(set(done)) == 800
    assert await hot.count(task_history) == {"COMPLETED": 800}
    history = await rows(hot.store, task_history)
    assert len({row.id for row in history}) == len({row.token for row in history}) == 800
    assert {row.attempt for row in history} == {1}
    assert len(await hot.events("TaskCompleted")) == 800
