"""Fires that wait for their turn, and what is in the way of a fire."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

from application.scheduling.admitter import Admitter
from domain.scheduling.ids import JobId, TaskId
from domain.scheduling.occurrence import Decision
from domain.scheduling.policies import FiringPolicy, OverlapPolicy
from domain.scheduling.ports.schedule_queue import Fired
from domain.scheduling.schedule import Schedule
from domain.scheduling.task import Origin
from domain.scheduling.task_status import Gate
from domain.shared.ids import DEFAULT_TENANT
from infrastructure.local.wake_up import LocalWakeUp
from infrastructure.sql.engine import Store
from infrastructure.sql.scheduling.tables import occurrences
from tests.contract.builders import HOUR, add_due, decided, new_task, rows
from tests.contract.conftest import Begin

IN_TURN = FiringPolicy(overlap=OverlapPolicy.BUFFER_ALL)
LIMITED = FiringPolicy(overlap=OverlapPolicy.BUFFER_ALL, max_executions=2)


async def buffered(begin: Begin, schedule: Schedule, *decisions: Decision, asked_for: bool = False) -> list[TaskId]:
    """One fire of the schedule after the other, decided like that, and its task behind gate LIMIT."""
    made = []
    for decision in decisions:
        task = new_task(schedule, schedule.upcoming[0], gate=Gate.LIMIT)
        entry = decided(schedule, decision, task_id=task.id)
        if asked_for:
            task, entry = replace(task, fire_key=f"manual:{task.id}"), replace(entry, fire_key=f"manual:{task.id}")
        schedule = replace(schedule, upcoming=(*schedule.upcoming[1:], schedule.upcoming[-1] + HOUR))
        async with begin() as work:
            await work.schedules.record(Fired(occurrences=[entry], tasks=[task], schedules=[schedule]))
            await work.commit()
        made.append(task.id)
    return made


async def ledger(store: Store, *tasks: TaskId) -> list[tuple[str, str | None]]:
    found = {row.task_id: (row.decision, row.reason) for row in await rows(store, occurrences)}
    return [found[task] for task in tasks]


async def test_the_live_fires_of_several_jobs_come_in_one_order(begin: Begin) -> None:
    first, second, other = await add_due(begin, 3)
    ids = []
    for schedule in (second, first, second, other, first):
        async with begin() as work:
            task = new_task(schedule, work.now)
            await work.queue.add([task, new_task(schedule, work.now, Origin.DIRECT, fire_key=None)])
            await work.commit()
        ids.append(task.id)
    async with begin() as work:
        live = await work.tasks.live_fires_of({first.job_id, second.job_id})
        assert [task.id for task in live] == [ids[0], ids[1], ids[2], ids[4]]
        live[0].cancel("why", work.now)
        await work.tasks.save(live[0])
        assert [task.id for task in await work.tasks.live_fires_of([second.job_id])] == [ids[2]]
        assert list(await work.tasks.live_fires_of([])) == []


@pytest.mark.parametrize("decision", [Decision.SUPERSEDED, Decision.SKIPPED_DISABLED])
async def test_only_what_waits_for_its_turn_will_not_have_it(begin: Begin, store: Store, decision: Decision) -> None:
    schedule, other = await add_due(begin, 2, policy=IN_TURN)
    first, second, third = await buffered(begin, schedule, Decision.FIRED, Decision.BUFFERED, Decision.BUFFERED)
    (elsewhere,) = await buffered(begin, other, Decision.BUFFERED)
    async with begin() as work:
        await work.schedules.supersede([first, second], "why", decision)
        await work.schedules.supersede([], "nobody")
        await work.commit()
    buffered_still = (Decision.BUFFERED, None)
    expected = [(Decision.FIRED, None), (decision, "why"), buffered_still, buffered_still]
    assert await ledger(store, first, second, third, elsewhere) == expected


async def test_what_waits_is_counted_wherever_a_schedule_is_taken(begin: Begin) -> None:
    schedule, other = await add_due(begin, 2, policy=IN_TURN)
    _, second, _ = await buffered(begin, schedule, Decision.FIRED, Decision.BUFFERED, Decision.BUFFERED)

    async def counts(job_id: JobId) -> list[tuple[int, int]]:
        async with begin() as work:
            due = {each.job_id: each for each in await work.schedules.take_due(work.now + 9 * HOUR, 10)}
            alone = await work.schedules.take(job_id)
            (listener,) = await work.listeners.take([job_id])
        return [(each.live, each.waiting) for each in (due[job_id], alone, listener.schedule)]

    assert await counts(schedule.job_id) == [(3, 2)] * 3
    assert await counts(other.job_id) == [(0, 0)] * 3
    async with begin() as work:
        task = await work.tasks.get(DEFAULT_TENANT, second)
        task.cancel(None, work.now)
        await work.tasks.save(task)
        await work.commit()
    assert await counts(schedule.job_id) == [(2, 1)] * 3


async def test_a_fire_that_has_run_otherwise_does_not_wait_again(begin: Begin, store: Store) -> None:
    (schedule,) = await add_due(begin, 1, policy=IN_TURN)
    (first,) = await buffered(begin, schedule, Decision.BUFFERED)
    async with begin() as work:
        task = await work.tasks.get(DEFAULT_TENANT, first)
        task.cancel(None, work.now)
        await work.tasks.save(task)
        await work.commit()
    (again,) = await buffered(begin, schedule, Decision.FIRED)  # a backfill, say
    async with begin() as work:
        task = await work.tasks.get(DEFAULT_TENANT, first)
        task.reopen(None, work.now)
        await work.tasks.save(task)
        await work.commit()
    dropped = (Decision.BUFFER_DROPPED, "its task was CANCELLED before its turn")
    assert await ledger(store, first, again) == [dropped, (Decision.FIRED, None)]


async def test_the_tasks_of_what_waits_are_known_by_job(begin: Begin) -> None:
    schedule, other = await add_due(begin, 2, policy=IN_TURN)
    _, *waiting = await buffered(begin, schedule, Decision.FIRED, Decision.BUFFERED, Decision.BUFFERED)
    await buffered(begin, other, Decision.BUFFERED)
    async with begin() as work:
        assert sorted(await work.schedules.waiting(schedule.job_id)) == sorted(waiting)
        assert list(await work.schedules.waiting(JobId(uuid4()))) == []


async def test_what_somebody_asked_for_is_in_the_way_but_no_execution_is_reserved_for_it(begin: Begin) -> None:
    (schedule,) = await add_due(begin, 1, policy=LIMITED)
    await buffered(begin, schedule, Decision.BUFFERED)
    await buffered(begin, schedule, Decision.BUFFERED, asked_for=True)
    async with begin() as work:
        taken = await work.schedules.take(schedule.job_id)
    assert (taken.live, taken.waiting, taken.reserved) == (2, 2, 1)


async def test_a_fire_counts_for_the_limit_when_it_begins_and_the_last_one_ends_the_schedule(begin: Begin) -> None:
    (schedule,) = await add_due(begin, 1, policy=LIMITED, firing=IN_TURN)
    counts = []
    for asked_for in (False, True, False):
        (task_id,) = await buffered(begin, schedule, Decision.BUFFERED, asked_for=asked_for)
        await Admitter(begin, LocalWakeUp()).tick()
        async with begin() as work:
            taken = await work.schedules.take(schedule.job_id)
            counts.append((taken.state.fired_count, taken.exhausted, taken.due_at is None))
            task = await work.tasks.get(DEFAULT_TENANT, task_id)
            assert task.gate is None
            task.cancel(None, work.now)
            await work.tasks.save(task)
            await work.commit()
        schedule = replace(taken, upcoming=tuple(n + HOUR for n in schedule.upcoming))
    assert counts == [(1, False, False), (1, False, False), (2, True, True)]


async def test_what_a_pause_holds_back_is_in_nobody_s_way_until_the_resume(begin: Begin) -> None:
    (schedule,) = await add_due(begin, 1, policy=IN_TURN, firing=IN_TURN)
    (task_id,) = await buffered(begin, schedule, Decision.BUFFERED)
    admitter = Admitter(begin, LocalWakeUp())

    async def gate(*, active: bool) -> Gate | None:
        async with begin() as work:
            job = await work.jobs.get(DEFAULT_TENANT, schedule.job_id)
            if active:
                job.resume("ann", work.now)
                await work.admissions.resume(job.id)
            else:
                job.pause(None, "ann", work.now)
            await work.jobs.save(job)
            await work.schedules.put(replace(schedule, active=active))
            await work.commit()
        await admitter.tick()
        async with begin() as work:
            return (await work.tasks.get(DEFAULT_TENANT, task_id)).gate

    assert await gate(active=False) is Gate.PAUSED
    async with begin() as work:
        assert (await work.schedules.take(schedule.job_id)).live == 0
    assert await gate(active=True) is None
    async with begin() as work:
        assert (await work.schedules.take(schedule.job_id)).live == 1
