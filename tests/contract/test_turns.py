"""Fires that wait for their turn, and what is in the way of a fire."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.scheduling.ids import JobId, TaskId
from domain.scheduling.occurrence import Decision
from domain.scheduling.policies import FiringPolicy, OverlapPolicy
from domain.scheduling.ports.schedule_queue import Fired
from domain.scheduling.schedule import Schedule
from domain.scheduling.task import Origin
from domain.scheduling.task_status import Gate
from domain.shared.ids import DEFAULT_TENANT
from infrastructure.sql.engine import Store
from infrastructure.sql.scheduling.tables import occurrences
from tests.contract.builders import HOUR, add_due, decided, new_task, rows
from tests.contract.conftest import Begin

IN_TURN = FiringPolicy(overlap=OverlapPolicy.BUFFER_ALL)


async def buffered(begin: Begin, schedule: Schedule, *decisions: Decision) -> list[TaskId]:
    """One fire of the schedule after the other, decided like that, and its task behind gate LIMIT."""
    made = []
    for decision in decisions:
        task = new_task(schedule, schedule.upcoming[0], gate=Gate.LIMIT)
        entry = decided(schedule, decision, task_id=task.id)
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
