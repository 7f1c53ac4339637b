"""The follower: what waits for the end of a run goes on once it has ended, whatever way it ended."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from application.scheduling.follower import LOOK_AGAIN, MOST_LISTENED_TO, Follower
from application.scheduling.planner import Planner
from application.shared.wake_up import CHAINS, PLANNER, task_topic
from domain.scheduling.ids import JobId, TaskId
from domain.scheduling.occurrence import Decision
from domain.scheduling.report import Report, ReportKind
from domain.scheduling.task_status import TaskStatus
from tests.builders import CALENDARS, HOUR, MINUTE, NOON, SECOND
from tests.unit.application.cluster import Cluster
from tests.unit.application.documents import command, text
from tests.unit.application.fakes import ANN

DELAYED = {"type": "FIXED_DELAY", "delay": "PT1M"}


class Chain:
    """A job with a fixed delay, and those who look after it."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster, self.store = cluster, cluster.store
        self.planner = Planner(cluster.store.begin, cluster.ids, CALENDARS, cluster.wake_up)
        self.follower = Follower(cluster.store.begin, cluster.wake_up)

    async def begin(self, name: str = "backup", trigger: object = DELAYED) -> JobId:
        job_id = await self.cluster.jobs.create(ANN, command(name, active=True, trigger=trigger))
        await self.planner.tick()
        return job_id

    @property
    def task(self) -> TaskId:
        """The newest."""
        return max(self.store.tables.tasks)

    def due_at(self, job_id: JobId) -> datetime | None:
        return self.store.tables.schedules[job_id].due_at

    async def look(self) -> None:
        """What the loops do when they are woken."""
        await self.follower.tick()
        await self.planner.tick()


@pytest.fixture
def chain(cluster: Cluster) -> Chain:
    return Chain(cluster)


async def test_it_fires_at_its_activation_and_waits_for_the_end(chain: Chain) -> None:
    job_id = await chain.begin()
    schedule = chain.store.tables.schedules[job_id]
    assert (schedule.state.last_nominal, schedule.awaited, schedule.due_at) == (NOON, chain.task, None)
    assert CHAINS in chain.cluster.wake_up.topics
    chain.cluster.pass_time(HOUR)
    await chain.look()
    assert chain.store.tables.schedules[job_id] == schedule


async def test_a_run_that_ended_is_followed_after_the_delay(chain: Chain) -> None:
    job_id = await chain.begin()
    await chain.cluster.register()
    (handed_out,) = (await chain.cluster.claim()).tasks
    chain.cluster.pass_time(5 * SECOND)
    done = Report(task_id=chain.task, token=handed_out.task.token, kind=ReportKind.COMPLETE)
    await chain.cluster.claim(0, 1, done)
    chain.cluster.pass_time(SECOND)
    await chain.look()
    assert PLANNER in chain.cluster.wake_up.topics
    assert chain.due_at(job_id) == NOON + 65 * SECOND
    chain.cluster.pass_time(MINUTE)
    await chain.planner.tick()
    assert len(chain.store.tables.tasks) == 2


@pytest.mark.parametrize("status", [s for s in TaskStatus if s.is_final])
async def test_whatever_way_the_run_ended(chain: Chain, status: TaskStatus) -> None:
    job_id = await chain.begin()
    tasks = chain.store.tables.tasks
    tasks[chain.task] = replace(tasks[chain.task], status=status, ended_at=NOON + SECOND)
    await chain.look()
    assert chain.due_at(job_id) == NOON + SECOND + MINUTE


async def test_a_run_that_is_gone_has_ended_now(chain: Chain) -> None:
    job_id = await chain.begin()
    chain.store.tables.tasks.clear()
    chain.cluster.pass_time(HOUR)
    await chain.look()
    assert chain.due_at(job_id) == NOON + HOUR + MINUTE


async def test_a_run_that_is_still_stopping_has_not_ended(chain: Chain) -> None:
    job_id = await chain.begin()
    tasks = chain.store.tables.tasks
    stopping = replace(tasks[chain.task], status=TaskStatus.CANCELLED, ended_at=NOON, stopping_until=NOON + MINUTE)
    tasks[chain.task] = stopping
    await chain.look()
    assert chain.due_at(job_id) is None


async def test_a_fire_that_made_no_task_is_followed_after_the_delay(chain: Chain) -> None:
    job_id = await chain.begin(trigger={**DELAYED, "initialDelay": "PT1H"})
    await chain.cluster.jobs.run_now(ANN, job_id)
    chain.cluster.pass_time(HOUR)
    await chain.look()
    assert [o.decision for o in chain.store.tables.occurrences.values()][-1] is Decision.SKIPPED_OVERLAP
    assert chain.due_at(job_id) == NOON + HOUR + MINUTE


async def test_a_run_by_hand_does_not_move_the_chain(chain: Chain) -> None:
    job_id = await chain.begin(trigger={**DELAYED, "initialDelay": "PT1H"})
    await chain.cluster.jobs.run_now(ANN, job_id)
    await chain.look()
    assert chain.due_at(job_id) == NOON + HOUR


async def test_a_paused_job_learns_of_the_end_and_goes_on_when_resumed(chain: Chain) -> None:
    job_id = await chain.begin()
    await chain.cluster.jobs.pause(ANN, job_id)
    chain.store.tables.tasks.clear()
    await chain.look()
    assert chain.due_at(job_id) is None
    chain.cluster.pass_time(HOUR)
    await chain.cluster.jobs.resume(ANN, job_id)
    assert chain.due_at(job_id) == NOON + HOUR + MINUTE


async def test_a_change_while_a_run_is_under_way_still_waits_for_its_end(chain: Chain) -> None:
    job_id = await chain.begin()
    await chain.cluster.jobs.apply(ANN, [text(active=True, trigger={**DELAYED, "delay": "PT2M"})])
    assert chain.due_at(job_id) is None
    chain.cluster.pass_time(SECOND)
    chain.store.tables.tasks.clear()
    await chain.look()
    assert chain.due_at(job_id) == NOON + SECOND + 2 * MINUTE


async def test_a_job_that_gets_another_trigger_waits_for_nothing(chain: Chain) -> None:
    job_id = await chain.begin()
    hourly = {"type": "FIXED_RATE", "every": "PT1H", "initialDelay": "PT1H"}
    await chain.cluster.jobs.apply(ANN, [text(active=True, trigger=hourly)])
    assert chain.store.tables.schedules[job_id].awaited is None
    assert chain.due_at(job_id) == NOON + HOUR


async def test_it_sleeps_while_nothing_is_awaited_and_listens_to_what_is(chain: Chain) -> None:
    assert await chain.follower.tick() is None
    assert chain.follower.topics() == [CHAINS]
    await chain.begin()
    assert not await chain.follower.tick()  # it has something to listen to now, and may have missed it
    assert chain.follower.topics() == [CHAINS, task_topic(chain.task)]
    assert await chain.follower.tick() == LOOK_AGAIN
    chain.store.tables.tasks.clear()
    assert not await chain.follower.tick()
    assert await chain.follower.tick() is None


async def test_it_listens_to_no_more_than_it_can_bear_and_finds_the_others_by_looking(chain: Chain) -> None:
    jobs = [await chain.begin(name=f"job-{n}") for n in range(MOST_LISTENED_TO + 5)]
    await chain.follower.tick()
    assert len(chain.follower.topics()) == 1 + MOST_LISTENED_TO
    chain.store.tables.tasks.clear()
    await chain.look()
    assert {chain.due_at(job_id) for job_id in jobs} == {NOON + MINUTE}
