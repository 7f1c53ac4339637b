"""Due schedules are taken once, each fire happens once, and what did not run leaves a row that says why."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import msgspec
import pytest
import sqlalchemy as sa

from domain.scheduling.errors import AlreadyFired, JobNotFound
from domain.scheduling.excluded import Excluded
from domain.scheduling.ids import JobId, OccurrenceId
from domain.scheduling.occurrence import Decision, manual_fire_key
from domain.scheduling.policies import FiringPolicy, Misfire, MisfirePolicy, OverlapPolicy, Timeouts
from domain.scheduling.ports.schedule_queue import Fired
from domain.scheduling.priority import Priority, rank
from domain.scheduling.schedule import Schedule, Tail
from domain.scheduling.task import Origin
from domain.scheduling.task_status import COUNTS_FOR_OVERLAP, Gate, TaskStatus
from domain.timing.spread import planned_at
from domain.timing.trigger import TriggerState
from infrastructure.sql.engine import Store
from infrastructure.sql.scheduling.tables import occurrences, schedules
from infrastructure.sql.scheduling.task_tables import tasks
from tests.contract.builders import (
    HOUR,
    MINUTE,
    TZDATA,
    add_due,
    add_job,
    decided,
    fire,
    moved_on,
    new_task,
    rows,
)
from tests.contract.conftest import Begin

ALLOW = FiringPolicy(overlap=OverlapPolicy.ALLOW)


async def take_due(begin: Begin, limit: int = 100) -> Sequence[Schedule]:
    async with begin() as work:
        return await work.schedules.take_due(work.now, limit)


async def take(begin: Begin, job_id: JobId) -> Schedule:
    async with begin() as work:
        return await work.schedules.take(job_id)


async def record(begin: Begin, fired: Fired) -> None:
    async with begin() as work:
        await work.schedules.record(fired)
        await work.commit()


async def put(begin: Begin, schedule: Schedule) -> None:
    async with begin() as work:
        await work.schedules.put(schedule)
        await work.commit()


async def fire_all_due(begin: Begin, chunk: int) -> int:
    """What a planner does until nothing is due for it."""
    total = 0
    while True:
        async with begin() as work:
            due = await work.schedules.take_due(work.now, chunk)
            if not due:
                return total
            await asyncio.sleep(0)
            await work.schedules.record(fire(due))
            await work.commit()
        total += len(due)


# --- taking


async def test_a_schedule_comes_back_as_it_was_put(begin: Begin) -> None:
    (schedule,) = await add_due(begin, 1)
    full = replace(
        schedule,
        job_version=3,
        policy=FiringPolicy(
            misfire=Misfire(policy=MisfirePolicy.FIRE_ALL, grace=MINUTE, catchup_window=HOUR, max_fires=9),
            overlap=OverlapPolicy.ALLOW,
            jitter=timedelta(seconds=5),
        ),
        state=TriggerState(
            last_nominal=schedule.upcoming[0] - HOUR, last_end=schedule.upcoming[0] - MINUTE, fired_count=2**40
        ),
        upcoming=tuple(n + timedelta(microseconds=1) for n in schedule.upcoming),
        exhausted=True,
        changes_at=schedule.upcoming[-1] + HOUR,
        tail=Tail(occurrence_id=OccurrenceId(uuid4()), decision=Decision.MISSED),
    )
    last = full.upcoming[-1]
    excluded = (
        Excluded(first=last - HOUR // 2, last=last - MINUTE, count=3, reason='the "feast" of 2²', noted=True),
        Excluded(first=last + MINUTE, last=last + HOUR, count=500, reason="weekday SUN"),
    )
    some = (full, replace(full, excluded=excluded), replace(schedule, upcoming=(), excluded=excluded[1:]))
    for each in (*some, replace(schedule, upcoming=(), exhausted=True), replace(schedule, active=False)):
        await put(begin, each)
        assert await take(begin, schedule.job_id) == each


async def test_the_longest_due_are_taken_first_and_never_more_than_asked_for(begin: Begin) -> None:
    added = await add_due(begin, 7)
    ids = [s.job_id for s in added]
    assert [s.job_id for s in await take_due(begin)] == ids
    assert [s.job_id for s in await take_due(begin, 2)] == ids[:2]
    few = await take_due(begin, 4)
    assert 0 < len(few) <= 4
    assert [s.job_id for s in few] == ids[: len(few)]


async def test_those_that_are_due_for_longer_may_be_left_for_later(begin: Begin) -> None:
    added = await add_due(begin, 7)
    since = added[3].upcoming[0]
    async with begin() as work:
        due = await work.schedules.take_due(work.now, 100, since)
    assert [s.job_id for s in due] == [s.job_id for s in added if s.upcoming[0] >= since]
    assert 0 < len(due) < 7


async def test_nothing_is_due_before_its_time(begin: Begin) -> None:
    async with begin() as work:
        now = work.now
    added = await add_due(begin, 3, late=-HOUR)
    assert not await take_due(begin)
    async with begin() as work:
        due = await work.schedules.take_due(now.replace(microsecond=0) + HOUR + timedelta(seconds=1), 100)
    assert [s.job_id for s in due] == [s.job_id for s in added[:2]]


async def test_jitter_delays_what_is_due(begin: Begin, store: Store) -> None:
    (schedule,) = await add_due(begin, 1, policy=FiringPolicy(jitter=HOUR))
    (row,) = await rows(store, schedules)
    assert row.due_at == planned_at(schedule.job_id, schedule.upcoming[0], HOUR, schedule.upcoming[1])


async def test_an_inactive_schedule_and_one_without_times_are_never_due(begin: Begin) -> None:
    paused, exhausted = await add_due(begin, 2)
    await put(begin, replace(paused, active=False))
    await put(begin, replace(exhausted, upcoming=(), exhausted=True))
    assert not await take_due(begin)
    async with begin() as work:
        assert await work.schedules.next_due() is None


async def test_the_next_due_time_is_the_earliest(begin: Begin) -> None:
    later, sooner, _ = await add_due(begin, 3, late=-HOUR)
    await put(begin, replace(later, upcoming=later.upcoming[1:]))
    async with begin() as work:
        assert await work.schedules.next_due() == sooner.upcoming[0]


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)  # in SQLite the other waits
async def test_what_one_node_holds_another_skips(begin: Begin) -> None:
    await add_due(begin, 5)
    async with begin() as first, begin() as second:
        mine = await first.schedules.take_due(first.now, 2)
        others = await second.schedules.take_due(second.now, 100)
    assert (len(mine), len(others)) == (2, 3)
    assert not {s.job_id for s in mine} & {s.job_id for s in others}


async def test_taking_the_schedule_of_an_unknown_job_says_so(begin: Begin) -> None:
    with pytest.raises(JobNotFound):
        await take(begin, JobId(uuid4()))


async def test_a_row_that_cannot_be_read_is_set_aside_and_holds_up_nobody(begin: Begin, store: Store) -> None:
    added = await add_due(begin, 3)
    async with store.engine.begin() as connection:
        future = sa.update(schedules).where(schedules.c.job_id == added[0].job_id)
        await connection.execute(future.values(policy='{"overlap":"OF_A_LATER_VERSION"}'))
    async with begin() as work:
        due = await work.schedules.take_due(work.now, 100)
        assert [s.job_id for s in due] == [s.job_id for s in added[1:]]
        await work.commit()
    (row,) = await rows(store, schedules, schedules.c.job_id == added[0].job_id)
    assert "OF_A_LATER_VERSION" in row.health_error
    assert row.due_at > work.now


# --- tasks in the way


@pytest.mark.parametrize("origin", Origin)
async def test_tasks_in_the_way_of_a_fire_are_counted(begin: Begin, store: Store, origin: Origin) -> None:
    states = [(status, stopping) for status in TaskStatus for stopping in (False, True)]
    added = await add_due(begin, len(states))
    async with begin() as work:
        made = [new_task(schedule, work.now, origin) for schedule in added]
        await work.schedules.record(Fired(occurrences=[], tasks=made, schedules=[]))
        for task, (status, stopping) in zip(made, states, strict=True):
            until = work.now + MINUTE if stopping else None
            change = sa.update(tasks).where(tasks.c.id == task.id).values(status=status, stopping_until=until)
            await work.execute(change)
        await work.commit()
    in_the_way = [
        int(origin is not Origin.DIRECT and (stopping or status in COUNTS_FOR_OVERLAP)) for status, stopping in states
    ]
    assert [s.live for s in await take_due(begin)] == in_the_way
    assert [(await take(begin, s.job_id)).live for s in added] == in_the_way


async def test_the_tasks_of_a_job_whose_runs_may_overlap_are_not_counted_when_it_is_due(begin: Begin) -> None:
    (schedule,) = await add_due(begin, 1, policy=ALLOW)
    await record(begin, Fired(occurrences=[], tasks=[new_task(schedule, schedule.upcoming[0])], schedules=[]))
    assert [s.live for s in await take_due(begin)] == [0]
    assert (await take(begin, schedule.job_id)).live == 1


async def test_a_task_that_another_unit_committed_while_we_waited_is_seen(begin: Begin) -> None:
    (schedule,) = await add_due(begin, 1)
    held = asyncio.Event()

    async def run_by_hand() -> None:
        async with begin() as work:
            found = await work.schedules.take(schedule.job_id)
            held.set()
            await asyncio.sleep(0.05)
            task = new_task(found, work.now, Origin.MANUAL)
            await work.schedules.record(Fired(occurrences=[], tasks=[task], schedules=[]))
            await work.commit()

    async def wait_for_it() -> int:
        await held.wait()
        return (await take(begin, schedule.job_id)).live

    _, live = await asyncio.gather(run_by_hand(), wait_for_it())
    assert live == 1


# --- recording


async def test_a_fire_makes_a_ledger_entry_a_task_and_the_next_due_time(begin: Begin, store: Store) -> None:
    (schedule,) = await add_due(begin, 1)
    async with begin() as work:
        now = work.now
        await work.schedules.record(fire([schedule]))
        await work.commit()
    (entry,), (task,), (row,) = [await rows(store, t) for t in (occurrences, tasks, schedules)]
    nominal = schedule.upcoming[0]
    assert (entry.job_id, entry.decision, entry.task_id) == (schedule.job_id, "FIRED", task.id)
    assert (entry.nominal_at, entry.first_nominal_at, entry.planned_at) == (nominal, nominal, nominal)
    assert (entry.tzdata_version, entry.decided_at, entry.fire_key) == (TZDATA, now, task.fire_key)
    assert (task.status, task.gate, task.origin, task.run_id) == ("PENDING", None, "SCHEDULE", task.id)
    assert (task.nominal_at, task.scheduled_time, task.ready_at, task.created_at) == (nominal, nominal, nominal, now)
    assert (row.due_at, row.last_nominal, row.last_fired_at) == (schedule.upcoming[1], nominal, now)
    assert row.fired_count == 1
    assert await take(begin, schedule.job_id) == replace(moved_on(schedule, fired=1), live=1)
    assert not await take_due(begin)


async def test_a_task_gets_the_settings_of_its_job(begin: Begin, store: Store) -> None:
    job = await add_job(
        begin,
        priority=Priority(8),
        timeouts=Timeouts(execution=MINUTE, queue=HOUR),
        parameters={"command": ["echo", "ü"]},
    )
    async with begin() as work:
        lane = await work.lanes.number(job.lane)
        schedule = Schedule(
            job_id=job.id, job_version=1, lane=lane, policy=ALLOW, state=TriggerState(), upcoming=(work.now,)
        )
        await work.schedules.put(schedule)
        own = new_task(schedule, work.now, Origin.MANUAL, parameters='{"command":["false"]}')
        later = new_task(schedule, work.now + HOUR, gate=Gate.TIME)
        blocked = new_task(schedule, work.now, gate=Gate.DEPENDENCY)
        await work.schedules.record(Fired(occurrences=[], tasks=[own, later, blocked], schedules=[]))
        await work.commit()
    found = {row.id: row for row in await rows(store, tasks)}
    for row in found.values():
        assert (row.tenant, row.job_name, row.job_version, row.lane) == (job.tenant, "backup", 1, lane)
        assert (row.priority, row.max_attempts, row.timeout_s, row.attempt) == (8, 3, 60, 0)
        assert row.rank == rank(row.ready_at, Priority(8))
        assert row.expires_at == (None if row.id == blocked.id else row.ready_at + HOUR)
    assert msgspec.json.decode(found[own.id].parameters) == {"command": ["false"]}
    assert msgspec.json.decode(found[later.id].parameters) == {"command": ["echo", "ü"]}
    assert [(found[t.id].gate, found[t.id].status) for t in (own, later, blocked)] == [
        (None, "PENDING"),
        ("TIME", "PENDING"),
        ("DEPENDENCY", "BLOCKED"),
    ]


async def test_the_same_fire_happens_once(begin: Begin, store: Store) -> None:
    added = await add_due(begin, 3)
    await record(begin, fire(added[:1]))
    with pytest.raises(AlreadyFired, match=r"Z' is in the ledger already"):
        await record(begin, fire(added[:1]))
    with pytest.raises(AlreadyFired, match="or another of 3"):
        await record(begin, fire(added))
    assert len(await rows(store, occurrences)) == len(await rows(store, tasks)) == 1
    assert {s.job_id for s in await take_due(begin)} == {s.job_id for s in added[1:]}


async def test_a_decision_not_to_run_never_stands_in_the_way_of_a_fire(begin: Begin, store: Store) -> None:
    (schedule,) = await add_due(begin, 1)
    skipped = decided(schedule, Decision.SKIPPED_OVERLAP)
    await record(begin, Fired(occurrences=[skipped], tasks=[], schedules=[schedule]))
    await record(begin, fire([schedule]))
    assert sorted(row.decision for row in await rows(store, occurrences)) == ["FIRED", "SKIPPED_OVERLAP"]


async def test_decisions_of_one_kind_in_a_row_are_one_entry(begin: Begin, store: Store) -> None:
    (schedule,) = await add_due(begin, 1)
    first = decided(schedule, Decision.SKIPPED_OVERLAP, reason="1 earlier task(s)")
    tail = Tail(occurrence_id=first.id, decision=first.decision)
    after = replace(moved_on(schedule, fired=0), tail=tail)
    await record(begin, Fired(occurrences=[first], tasks=[], schedules=[after]))
    assert (await take(begin, schedule.job_id)).tail == tail
    second = decided(
        after,
        Decision.SKIPPED_OVERLAP,
        id=first.id,
        extends=first.id,
        reason="2 earlier task(s)",
        count=2,
        first_nominal=after.upcoming[0],
        last_nominal=after.upcoming[1],
        planned_at=after.upcoming[1],
    )
    await record(begin, Fired(occurrences=[second], tasks=[], schedules=[moved_on(after, fired=0)]))
    (entry,) = await rows(store, occurrences)
    assert (entry._mapping["count"], entry.reason, entry.fire_key) == (3, "2 earlier task(s)", first.fire_key)
    assert (entry.first_nominal_at, entry.nominal_at) == (schedule.upcoming[0], after.upcoming[1])
    (row,) = await rows(store, schedules)
    assert (row.last_fired_at, row.fired_count) == (None, 0)


async def test_a_run_by_hand_leaves_the_schedule_as_it_is(begin: Begin, store: Store) -> None:
    (schedule,) = await add_due(begin, 1, late=-HOUR)
    paused = replace(schedule, active=False)
    await put(begin, paused)
    async with begin() as work:
        taken = await work.schedules.take(schedule.job_id)
        key = manual_fire_key(uuid4())
        task = new_task(taken, work.now, Origin.MANUAL, fire_key=key, nominal_at=None)
        entry = decided(taken, Decision.FIRED, fire_key=key, task_id=task.id)
        await work.schedules.record(Fired(occurrences=[entry], tasks=[task], schedules=[taken]))
        await work.commit()
    assert await take(begin, schedule.job_id) == replace(paused, live=1)
    (row,) = await rows(store, schedules)
    assert (row.due_at, row.last_fired_at) == (None, work.now)


async def test_a_task_of_an_unknown_job_is_refused_and_nothing_is_written(begin: Begin, store: Store) -> None:
    (schedule,) = await add_due(begin, 1)
    with pytest.raises(JobNotFound):
        await record(begin, fire([schedule, replace(schedule, job_id=JobId(uuid4()))]))
    assert not await rows(store, occurrences)


async def test_an_empty_batch_changes_nothing(begin: Begin, store: Store) -> None:
    await record(begin, Fired(occurrences=[], tasks=[], schedules=[]))
    assert not await rows(store, occurrences)


@pytest.mark.parametrize("chunk", [3, 100])
async def test_eight_planners_at_once_fire_everything_exactly_once(begin: Begin, store: Store, chunk: int) -> None:
    added = await add_due(begin, 60)
    fired = await asyncio.gather(*(fire_all_due(begin, chunk) for _ in range(8)))
    assert sum(fired) == len(added)
    by_job = sorted((row.job_id, row.fire_key) for row in await rows(store, occurrences))
    assert [job_id for job_id, _ in by_job] == sorted(s.job_id for s in added)
    assert len(await rows(store, tasks)) == len(added)


async def test_a_planner_that_dies_in_the_middle_leaves_nothing_and_another_does_it(begin: Begin, store: Store) -> None:
    added = await add_due(begin, 5)
    recorded = asyncio.Event()

    async def die() -> None:
        async with begin() as work:
            await work.schedules.record(fire(await work.schedules.take_due(work.now, 100)))
            recorded.set()
            await asyncio.Event().wait()

    dying = asyncio.create_task(die())
    await recorded.wait()
    dying.cancel()
    await asyncio.wait([dying])
    assert not await rows(store, occurrences)
    assert await fire_all_due(begin, 100) == len(added)
