"""What is known of runs, and of the fires of upstreams that matches mean."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.scheduling.dependency import Match, MatchType
from domain.scheduling.ids import JobId, RunId, TaskId
from domain.scheduling.job import Job
from domain.scheduling.judging import Seen, Sight
from domain.scheduling.occurrence import Decision
from domain.scheduling.policies import FiringPolicy
from domain.scheduling.ports.run_book import End, Root, Wish
from domain.scheduling.ports.schedule_queue import Fired
from domain.scheduling.schedule import Schedule
from domain.scheduling.task_status import Gate, TaskStatus
from domain.shared.ids import DEFAULT_TENANT
from domain.shared.json_value import JsonText
from domain.timing.trigger import TriggerState
from infrastructure.sql.engine import Store
from tests.contract.builders import HOUR, MINUTE, decided, new_task
from tests.contract.hot_tasks import Begin, HotTasks, ended

LATEST = Match(MatchType.LATEST, HOUR)
ALL_IN = Match(MatchType.ALL_IN, HOUR)
SAME, PREVIOUS = Match(MatchType.SAME), Match(MatchType.PREVIOUS)


@pytest.fixture
def hot(store: Store, begin: Begin) -> HotTasks:
    return HotTasks(store, begin)


@pytest.fixture
async def now(begin: Begin) -> datetime:
    async with begin() as work:
        return work.now.replace(microsecond=0)


async def test_roots_are_known_alive_and_from_history_and_with_their_cancellation(hot: HotTasks, now: datetime) -> None:
    job, session = await hot.job(), await hot.session()
    live, over, given_up = await hot.add(job, 3, nominal_at=now - MINUTE)
    held = {task.id: task.token for task in await hot.claim(session, 3)}
    await hot.settle(session, ended((over, held[over])), ended((given_up, held[given_up]), TaskStatus.FAILED))
    async with hot.begin() as work:
        await work.runs.cancel(DEFAULT_TENANT, RunId(live), None, "ann")
        await work.runs.cancel(DEFAULT_TENANT, RunId(given_up), "wrong day", "ann")
        await work.runs.cancel(DEFAULT_TENANT, RunId(given_up), "again", "bob")
        await work.commit()
    async with hot.begin() as work:
        roots = await work.runs.roots([RunId(live), RunId(over), RunId(given_up), RunId(job.id)])

    def root(task: TaskId, status: TaskStatus, cancelled: str | None = None) -> Root:
        return Root(job_id=job.id, nominal=now - MINUTE, seen=Seen(task, status), cancelled=cancelled)

    assert roots == {
        live: root(live, TaskStatus.RUNNING, "by ann"),
        over: root(over, TaskStatus.COMPLETED),
        given_up: root(given_up, TaskStatus.FAILED, "wrong day"),
    }


async def test_places_in_a_run_are_taken_by_the_newest_task_and_never_by_the_root(hot: HotTasks) -> None:
    a, b = [await hot.job(name) for name in "ab"]
    (root,) = await hot.add(a)
    run, other = RunId(root), RunId((await hot.add(a))[0])
    await hot.add(b, run_id=run)
    (newest,) = await hot.add(b, run_id=run)
    (elsewhere,) = await hot.add(b, run_id=other, gate=Gate.DEPENDENCY)
    async with hot.begin() as work:
        parts = await work.runs.parts([(run, a.id), (run, b.id), (other, b.id), (other, JobId(newest))])
    assert parts == {
        (run, b.id): Seen(newest, TaskStatus.PENDING),
        (other, b.id): Seen(elsewhere, TaskStatus.BLOCKED),
    }


async def test_ends_are_told_of_those_that_have_ended(hot: HotTasks) -> None:
    job, session = await hot.job(parameters={"command": ["a"]}), await hot.session()
    done, live = await hot.add(job, 2)
    held = {task.id: task.token for task in await hot.claim(session, 2)}
    await hot.settle(session, ended((done, held[done]), result=JsonText('{"n":1}')))
    async with hot.begin() as work:
        ends = await work.runs.ends([done, live])
        assert await work.runs.ends([]) == {}
    parameters = JsonText('{"command":["a"]}')
    result = JsonText('{"n":1}')
    end = End(task_id=done, run_id=RunId(done), status=TaskStatus.COMPLETED, result=result, parameters=parameters)
    assert ends == {done: end}


async def test_the_live_tasks_of_a_run_are_those_that_may_still_be_cancelled(hot: HotTasks) -> None:
    job, session = await hot.job(), await hot.session()
    (root,) = await hot.add(job)
    run = RunId(root)
    parts = await hot.add(job, 3, run_id=run, gate=Gate.DEPENDENCY)
    await hot.add(job)  # of another run
    async with hot.begin() as work:
        assert set(await work.runs.live(DEFAULT_TENANT, run, 10)) == {root, *parts}
        assert len(await work.runs.live(DEFAULT_TENANT, run, 2)) == 2
    lease = next((task.id, task.token) for task in await hot.claim(session, 2) if task.id == root)
    await hot.settle(session, ended(lease))
    async with hot.begin() as work:
        assert set(await work.runs.live(DEFAULT_TENANT, run, 10)) == set(parts)


class Upstream:
    """A job whose ledger is written by hand; the next of its times that is not decided is `upcoming`."""

    def __init__(self, hot: HotTasks, job: Job, now: datetime) -> None:
        self._hot, self._job, self._now = hot, job, now

    async def plan(self, *upcoming: datetime, active: bool = True) -> None:
        async with self._hot.begin() as work:
            await work.schedules.put(await self._schedule(work, upcoming, active))
            await work.commit()

    async def decide(self, nominal: datetime, decision: Decision, **fields: Any) -> TaskId | None:
        async with self._hot.begin() as work:
            schedule = await self._schedule(work, (nominal,), True)
            task = new_task(schedule, nominal) if decision is Decision.FIRED else None
            entry = decided(schedule, decision, task_id=task.id if task else None, **fields)
            await work.schedules.record(Fired(occurrences=[entry], tasks=[task] if task else [], schedules=[]))
            await work.commit()
        return task.id if task else None

    async def _schedule(self, work: Any, upcoming: tuple[datetime, ...], active: bool) -> Schedule:
        return Schedule(
            job_id=self._job.id,
            job_version=1,
            lane=await work.lanes.number(self._job.lane),
            policy=FiringPolicy(),
            state=TriggerState(),
            upcoming=upcoming,
            active=active,
        )

    async def seen(self, match: Match, nominal: datetime) -> Sight:
        wish = Wish(self._job.id, match, nominal)
        async with self._hot.begin() as work:
            (sight,) = (await work.runs.fires([wish], work.now)).values()
        return sight

    async def may_come(self, match: Match, nominal: datetime) -> bool:
        return (await self.seen(match, nominal)).awaited


@pytest.fixture
async def upstream(hot: HotTasks, now: datetime) -> Upstream:
    upstream = Upstream(hot, await hot.job("up"), now)
    await upstream.plan(now + HOUR)
    return upstream


def pending(*tasks: TaskId | None) -> list[Seen]:
    return [Seen(task, TaskStatus.PENDING) for task in tasks]


async def test_the_fire_of_the_same_time(upstream: Upstream, now: datetime) -> None:
    assert await upstream.seen(SAME, now) == Sight([], missing="has no fire at that time")
    assert await upstream.may_come(SAME, now + HOUR)
    task = await upstream.decide(now, Decision.FIRED)
    assert list((await upstream.seen(SAME, now)).fires) == pending(task)
    missed = {"first_nominal": now - HOUR, "last_nominal": now - MINUTE, "reason": "asleep"}
    await upstream.decide(now - MINUTE, Decision.MISSED, **missed)
    for inside in (now - HOUR, now - 30 * MINUTE, now - MINUTE):
        (fire,) = (await upstream.seen(SAME, inside)).fires
        assert (fire.status, fire.why) == (None, "did not run: MISSED (asleep)")
    assert not (await upstream.seen(SAME, now - 2 * HOUR)).fires
    await upstream.plan(now + HOUR, active=False)
    assert not await upstream.may_come(SAME, now + HOUR)


async def test_the_latest_task_whatever_made_it(hot: HotTasks, upstream: Upstream, now: datetime) -> None:
    assert await upstream.may_come(LATEST, now)
    old = await upstream.decide(now - 2 * HOUR, Decision.FIRED)
    assert not (await upstream.seen(LATEST, now)).fires
    assert list((await upstream.seen(LATEST, now - HOUR)).fires) == pending(old)
    session = await hot.session()
    young = await upstream.decide(now - MINUTE, Decision.FIRED)
    assert list((await upstream.seen(LATEST, now)).fires) == pending(young)
    held = [(task.id, task.token) for task in await hot.claim(session, 2)]
    await hot.settle(session, *map(ended, held))
    assert list((await upstream.seen(LATEST, now)).fires) == [Seen(young, TaskStatus.COMPLETED)]


async def test_all_fires_of_a_window(upstream: Upstream, now: datetime) -> None:
    assert await upstream.seen(ALL_IN, now) == Sight([], missing="has no fire in that window")
    assert await upstream.may_come(ALL_IN, now + HOUR)
    await upstream.decide(now - HOUR, Decision.FIRED)  # the window begins after this
    inside = [await upstream.decide(now - n * MINUTE, Decision.FIRED) for n in (50, 10)]
    fires = (await upstream.seen(ALL_IN, now)).fires
    assert sorted(fire.task_id for fire in fires if fire.task_id) == sorted(task for task in inside if task)
    skipped = {"first_nominal": now - 2 * HOUR, "last_nominal": now - 55 * MINUTE}
    await upstream.decide(now - 55 * MINUTE, Decision.SKIPPED_PAUSED, **skipped)
    fires = (await upstream.seen(ALL_IN, now)).fires
    assert [fire.why for fire in fires if fire.task_id is None] == ["did not run: SKIPPED_PAUSED"]


async def test_the_fire_before(upstream: Upstream, now: datetime) -> None:
    assert await upstream.seen(PREVIOUS, now) == Sight([], missing="has not fired before")
    assert not await upstream.may_come(PREVIOUS, now + HOUR)
    assert await upstream.may_come(PREVIOUS, now + HOUR + MINUTE)
    first = await upstream.decide(now - HOUR, Decision.FIRED)
    await upstream.decide(now, Decision.FIRED)
    await upstream.decide(now - MINUTE, Decision.SKIPPED_OVERLAP)
    assert list((await upstream.seen(PREVIOUS, now)).fires) == pending(first)


async def test_a_fire_whose_task_is_not_kept_any_more_is_said_to_be_so(
    hot: HotTasks, upstream: Upstream, now: datetime
) -> None:
    await upstream.decide(now, Decision.FIRED)
    async with hot.store.engine.begin() as connection:
        await connection.exec_driver_sql("DELETE FROM tasks")
    (fire,) = (await upstream.seen(SAME, now)).fires
    assert (fire.status, fire.why) == (None, "ran, and how it ended is not kept any more")


async def test_many_wishes_are_answered_at_once(hot: HotTasks, upstream: Upstream, now: datetime) -> None:
    task = await upstream.decide(now, Decision.FIRED)
    assert task is not None
    job = JobId((await hot.live(task)).job_id)
    wishes = [Wish(job, match, now + n * timedelta(seconds=1)) for match in (SAME, LATEST) for n in range(3)]
    async with hot.begin() as work:
        found = await work.runs.fires(wishes, work.now)
    assert {wish: [fire.task_id for fire in sight.fires] for wish, sight in found.items()} == {
        wish: [task] if wish.match is LATEST or wish.nominal == now else [] for wish in wishes
    }
