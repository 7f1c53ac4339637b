"""Limits: who waits at them, who goes, and that nothing is lost or kept."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from application.scheduling.admitter import Admitter
from domain.scheduling.admission import KeyKind, LimitKey
from domain.scheduling.ids import LaneId, TaskId
from domain.scheduling.job import Job
from domain.scheduling.key_template import KeyTemplate
from domain.scheduling.limits import ConcurrencyLimit, Fairness, Limits, RateLimit, TaskKeys
from domain.scheduling.policies import Timeouts
from domain.scheduling.task_status import Gate, TaskStatus
from domain.shared.ids import DEFAULT_TENANT
from infrastructure.local.wake_up import LocalWakeUp
from infrastructure.sql.engine import Store
from infrastructure.sql.scheduling.limit_tables import limit_keys
from infrastructure.sql.scheduling.task_tables import task_history, tasks
from tests.contract.builders import HOUR, MINUTE, rows
from tests.contract.hot_tasks import FLAKY, Begin, HotTasks, ended

KEY = KeyTemplate("db")
TWO = Limits(concurrency=ConcurrencyLimit(limit=2, key=KEY))
OTHER = Limits(concurrency=ConcurrencyLimit(limit=1, key=KeyTemplate("other")))
SLOT = LimitKey(KeyKind.SLOT, "default/db")


@pytest.fixture
def hot(store: Store, begin: Begin) -> HotTasks:
    return HotTasks(store, begin)


async def tick(hot: HotTasks) -> timedelta | None:
    return await Admitter(hot.begin, LocalWakeUp()).tick()


async def gates(hot: HotTasks) -> Counter[str | None]:
    return Counter(row.gate for row in await rows(hot.store, tasks))


async def gone(hot: HotTasks, ids: list[TaskId]) -> list[TaskId]:
    live = {row.id: row for row in await rows(hot.store, tasks)}
    return [id_ for id_ in ids if id_ in live and live[id_].gate is None]


async def test_a_limited_task_waits_at_its_gate_until_there_is_a_slot(hot: HotTasks) -> None:
    job = await hot.job(limits=TWO)
    ids = await hot.add(job, 5)
    assert await gates(hot) == {Gate.LIMIT: 5}
    assert {row.status for row in await rows(hot.store, tasks)} == {TaskStatus.PENDING}
    session = await hot.session()
    assert await hot.claim(session, 5) == []
    assert await tick(hot) is None
    assert await gone(hot, ids) == ids[:2]
    claimed = await hot.claim(session, 5)
    assert [task.id for task in claimed] == ids[:2]
    assert await tick(hot) is None
    assert await gates(hot) == {None: 2, Gate.LIMIT: 3}
    answer = await hot.exchange.exchange(session, [ended((claimed[0].id, claimed[0].token))], None)
    assert answer.makes_room
    await tick(hot)
    assert await gone(hot, ids) == ids[1:3]


async def test_whoever_obeys_no_limit_makes_no_room(hot: HotTasks) -> None:
    session = await hot.session()
    (lease,) = await hot.running(session)
    assert not (await hot.exchange.exchange(session, [ended(lease)], None)).makes_room


async def test_a_slot_is_free_again_however_its_task_ended(hot: HotTasks) -> None:
    job = await hot.job(limits=TWO)
    await hot.add(job, 20)
    session = await hot.session()

    async def two() -> list[tuple[TaskId, int]]:
        await tick(hot)
        claimed = await hot.claim(session, 5)
        assert len(claimed) == 2
        return [(task.id, task.token) for task in claimed]

    first, second = await two()
    await hot.settle(session, ended(first, TaskStatus.FAILED, error=FLAKY), ended(second, TaskStatus.CANCELLED))
    first, second = await two()
    async with hot.begin() as work:
        for id_, _ in (first, second):
            task = await work.tasks.get(DEFAULT_TENANT, id_)
            task.cancel("not needed", work.now)
            await work.tasks.save(task)
        await work.commit()
    await tick(hot)
    assert await gates(hot) == {None: 2, Gate.LIMIT: 16}, "what is stopping keeps its slot"
    await hot.exchange.stopped(session, [first])
    await tick(hot)
    assert await gates(hot) == {None: 2, Gate.LIMIT: 15}
    await hot.exchange.stopped(session, [second])
    first, second = await two()
    async with hot.begin() as work:
        held = await work.queue.take_held(session)
        assert {a.task_id for a in held} == {first[0], second[0]}
    now = (await hot.live(first[0])).claimed_at
    later = ended(first, TaskStatus.WAITING_RETRY, ready_at=now + HOUR, error=FLAKY)
    at_once = ended(second, TaskStatus.WAITING_RETRY, ready_at=now, error=FLAKY)
    await hot.settle(session, later, at_once)
    assert (await hot.live(first[0])).gate == Gate.TIME
    retried = await hot.live(second[0])
    assert (retried.gate, retried.status) == (Gate.LIMIT, TaskStatus.WAITING_RETRY)
    await two()


async def test_a_claim_that_is_lost_with_its_executor_gives_its_slot_back(hot: HotTasks) -> None:
    job = await hot.job(limits=TWO)
    ids = await hot.add(job, 3)
    await tick(hot)
    session = await hot.session()
    await hot.claim(session, 2, started=False)
    async with hot.begin() as work:
        from domain.scheduling.settlement import lose

        attempts = await work.queue.take_held(session)
        await work.queue.settle([lose(a, "its executor was lost", work.now) for a in attempts])
        await work.commit()
    assert await gates(hot) == {Gate.LIMIT: 3}
    await tick(hot)
    assert len(await gone(hot, ids)) == 2


async def test_jobs_that_name_the_same_key_share_its_slots(hot: HotTasks) -> None:
    first = await hot.add(await hot.job("a", limits=TWO), 2)
    second = await hot.add(await hot.job("b", limits=TWO), 2)
    await tick(hot)
    assert await gone(hot, first + second) == first


async def test_keys_of_parameters_have_slots_of_their_own(hot: HotTasks) -> None:
    limits = Limits(concurrency=ConcurrencyLimit(limit=1, key=KeyTemplate("of-${param.customer}")))
    job = await hot.job(limits=limits, parameters={"command": ["true"], "customer": "acme"})
    ids = [(await hot.add(job, keys=TaskKeys(slot=key)))[0] for key in (None, "of-acme", "of-beta", "of-beta")]
    await tick(hot)
    assert await gone(hot, ids) == [ids[0], ids[2]]


async def test_a_task_whose_time_has_not_come_takes_no_slot(hot: HotTasks) -> None:
    job = await hot.job(limits=TWO)
    await hot.add(job, 2, after=HOUR, gate=Gate.TIME)
    ids = await hot.add(job, 2)
    late = await hot.add(job, 1, after=-MINUTE, gate=Gate.TIME)
    await tick(hot)
    assert await gates(hot) == {None: 2, Gate.TIME: 2, Gate.LIMIT: 1}
    assert set(await gone(hot, ids + late)) == {ids[0], late[0]}, "and it stands in its place by rank"


async def test_patience_in_the_queue_begins_when_a_task_is_let_in(hot: HotTasks) -> None:
    patient = Timeouts(queue=HOUR)
    ids = await hot.add(await hot.job(limits=TWO, timeouts=patient), 3, after=-2 * HOUR)
    assert [(await hot.live(id_)).expires_at for id_ in ids] == [None] * 3
    await tick(hot)
    admitted, _, waiting = [await hot.live(id_) for id_ in ids]
    assert admitted.expires_at > admitted.scheduled_time + 2 * HOUR
    assert waiting.expires_at is None
    bounded = Timeouts(queue=HOUR, total=2 * HOUR + MINUTE)
    (id_,) = await hot.add(await hot.job("other", timeouts=bounded, limits=OTHER), after=-2 * HOUR)
    before = await hot.live(id_)
    assert before.expires_at == before.total_deadline_at
    await tick(hot)
    assert (await hot.live(id_)).expires_at == before.total_deadline_at


async def test_a_rate_lets_its_burst_go_and_says_when_it_lets_the_next_one_go(hot: HotTasks) -> None:
    limits = Limits(rate=RateLimit(limit=2, per=HOUR, key=KEY, burst=3))
    ids = await hot.add(await hot.job(limits=limits), 5)
    assert await gates(hot) == {Gate.RATE: 5}
    wait = await tick(hot)
    assert await gone(hot, ids) == ids[:3]
    assert wait is not None
    assert timedelta(minutes=29) < wait <= timedelta(minutes=30)
    assert await tick(hot) is not None
    assert await gone(hot, ids) == ids[:3]
    (key,) = await rows(hot.store, limit_keys)
    async with hot.begin() as work:
        await work.execute(limit_keys.update().values(free_at=work.now, used=None))
        await work.commit()
    assert key.free_at is not None
    await tick(hot)
    assert await gates(hot) == {None: 5}


async def test_a_slot_is_not_taken_by_what_the_rate_holds(hot: HotTasks) -> None:
    slow = Limits(concurrency=TWO.concurrency, rate=RateLimit(limit=1, per=HOUR, key=KeyTemplate("slow")))
    first = await hot.add(await hot.job("slow", limits=slow), 3)
    second = await hot.add(await hot.job("quick", limits=TWO), 2)
    await tick(hot)
    assert await gone(hot, first + second) == [first[0], second[0]]
    assert await gates(hot) == {None: 2, Gate.RATE: 2, Gate.LIMIT: 1}


async def test_keys_take_turns_and_a_latecomer_is_not_behind_the_crowd(hot: HotTasks) -> None:
    def fair(key: str, weight: int = 1) -> Limits:
        return Limits(fairness=Fairness(key=KeyTemplate(key), weight=weight))

    crowd = await hot.add(await hot.job("crowd", limits=fair("crowd", 2)), 100)
    await tick(hot)
    assert await gone(hot, crowd) == crowd[:20]
    late = await hot.add(await hot.job("late", limits=fair("late")), 3)
    await tick(hot)
    session = await hot.session()
    order: list[TaskId] = []
    for _ in range(5):
        order += [task.id for task in await hot.claim(session, 10)]
        await tick(hot)
    assert order[:20] == crowd[:20]
    assert order[20:23] == late, "it waits for one window of the crowd at most"
    assert order[23:] == crowd[20 : 50 - 3]


async def test_with_both_full_windows_weights_decide(hot: HotTasks) -> None:
    light = await hot.job("light", limits=Limits(fairness=Fairness(key=KeyTemplate("light"))))
    heavy = await hot.job("heavy", limits=Limits(fairness=Fairness(key=KeyTemplate("heavy"), weight=3)))
    of_light, _ = set(await hot.add(light, 200)), await hot.add(heavy, 200)
    session = await hot.session()
    await tick(hot)
    order: list[TaskId] = []
    for _ in range(20):
        order += [task.id for task in await hot.claim(session, 10)]
        await tick(hot)
    share = sum(id_ in of_light for id_ in order)
    assert len(order) == 200
    assert 40 <= share <= 60


async def test_what_another_node_has_locked_is_left_to_it(hot: HotTasks, store: Store) -> None:
    await hot.add(await hot.job(limits=TWO), 3)
    if store.dialect == "sqlite":
        pytest.skip("there is one writer")
    async with hot.begin() as work:
        await work.admissions.lock([SLOT])
        await work.commit()
    async with hot.begin() as other:
        assert await other.admissions.lock([SLOT]) == {SLOT}
        assert await tick(hot) == timedelta(milliseconds=20)
        assert await gates(hot) == {Gate.LIMIT: 3}
        await other.commit()
    assert await tick(hot) is None
    assert await gates(hot) == {None: 2, Gate.LIMIT: 1}


async def test_no_limit_is_ever_exceeded_whatever_many_nodes_do(hot: HotTasks) -> None:
    """Random jobs, claims and ends under three admitters; the witness counts the rows after each step."""
    dice = random.Random(7)
    limits = [1, 2, 5]
    jobs: list[Job] = []
    for n, limit in enumerate(limits):
        concurrency = ConcurrencyLimit(limit=limit, key=KeyTemplate(f"k{n}"))
        jobs.append(await hot.job(f"job-{n}", limits=Limits(concurrency=concurrency)))
    total = 0
    for job in jobs:
        total += len(await hot.add(job, 25))
    session = await hot.session()
    for _ in range(200):
        await asyncio.gather(*(tick(hot) for _ in range(3)))
        live = await rows(hot.store, tasks)
        taken = Counter(row.slot_key for row in live if row.gate is None or row.executor_id is not None)
        for n, limit in enumerate(limits):
            assert taken[f"default/k{n}"] <= limit
            waits = any(row.slot_key == f"default/k{n}" for row in live if row.gate == Gate.LIMIT)
            assert not waits or taken[f"default/k{n}"] == limit
        await hot.claim(session, dice.randint(1, 4))
        held = [(row.id, row.token) for row in live if row.status == TaskStatus.RUNNING]
        ends: list[Any] = []
        for lease in dice.sample(held, dice.randint(0, len(held))):
            retry = {"ready_at": live[0].created_at, "error": FLAKY} if dice.random() < 0.2 else {}
            ends.append(ended(lease, TaskStatus.WAITING_RETRY if retry else TaskStatus.COMPLETED, **retry))
        await hot.settle(session, *ends)
        if not live:
            break
    assert len(await rows(hot.store, task_history)) == total


async def test_a_lane_hears_only_of_those_that_stand_in_it(hot: HotTasks) -> None:
    job = await hot.job(limits=TWO)
    async with hot.begin() as work:
        from tests.contract.hot_tasks import new_task

        lanes = await work.queue.add([new_task(job.id, work.now) for _ in range(3)])
        await work.commit()
    assert sum(lanes.values()) == 0
    async with hot.begin() as work:
        keys = await work.admissions.keys_with_room(work.now, 10)
        assert keys == [SLOT]
        assert LaneId(1) in {c.lane for c in await work.admissions.waiting(keys, 10)}
