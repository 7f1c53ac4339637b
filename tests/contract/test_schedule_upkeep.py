"""Schedules are refilled, set aside and planned anew without undoing what happened meanwhile."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest
import sqlalchemy as sa

from domain.scheduling.excluded import Excluded
from domain.scheduling.ids import JobId
from domain.scheduling.schedule import Schedule
from domain.timing.cron import CronExpression
from domain.timing.time_zone import TimeZone
from domain.timing.triggers.cron import CronTrigger
from domain.timing.triggers.manual import ManualTrigger
from infrastructure.sql.engine import Store
from infrastructure.sql.scheduling.tables import jobs, schedules
from tests.contract.builders import HOUR, MINUTE, add_due, add_job, fire, moved_on, rows
from tests.contract.conftest import Begin


async def take(begin: Begin, job_id: JobId) -> Schedule:
    async with begin() as work:
        return await work.schedules.take(job_id)


async def put(begin: Begin, schedule: Schedule) -> None:
    async with begin() as work:
        await work.schedules.put(schedule)
        await work.commit()


async def refill(begin: Begin, *schedules: Schedule) -> None:
    async with begin() as work:
        await work.schedules.refill(schedules)
        await work.commit()


async def low(begin: Begin) -> Schedule:
    """A schedule with two known times left, an hour from now on."""
    (schedule,) = await add_due(begin, 1, late=-HOUR)
    schedule = replace(schedule, upcoming=schedule.upcoming[:2])
    await put(begin, schedule)
    return schedule


def longer(schedule: Schedule, by: int = 6) -> Schedule:
    """The same with more known times."""
    last = schedule.upcoming[-1]
    return replace(schedule, upcoming=(*schedule.upcoming, *(last + HOUR * n for n in range(1, by + 1))))


async def test_a_refilled_schedule_knows_more_times_and_is_due_as_before(begin: Begin, store: Store) -> None:
    schedule = await low(begin)
    other = longer(schedule)
    await refill(begin, other)
    assert await take(begin, schedule.job_id) == other
    (row,) = await rows(store, schedules)
    assert row.due_at == schedule.upcoming[0]


async def test_a_refill_brings_what_calendars_take_out_between_the_times(begin: Begin, store: Store) -> None:
    schedule = await low(begin)
    first, last = schedule.upcoming[0] - MINUTE, schedule.upcoming[-1]
    known = Excluded(first=first, last=first, count=1, reason="weekday SUN")
    await put(begin, replace(schedule, excluded=(known,)))
    later = Excluded(first=last + MINUTE, last=last + 2 * MINUTE, count=2, reason="date 2026-12-24")
    other = replace(longer(schedule), excluded=(known, later))
    await refill(begin, other)
    assert await take(begin, schedule.job_id) == other
    (row,) = await rows(store, schedules)
    assert row.due_at == first


async def test_a_schedule_that_had_no_times_left_becomes_due_again(begin: Begin, store: Store) -> None:
    schedule = await low(begin)
    await put(begin, replace(schedule, upcoming=()))
    await refill(begin, longer(schedule))
    assert await take(begin, schedule.job_id) == longer(schedule)
    (row,) = await rows(store, schedules)
    assert row.due_at == schedule.upcoming[0]


async def test_refilling_may_find_that_there_are_no_more_times(begin: Begin) -> None:
    schedule = await low(begin)
    await refill(begin, replace(longer(schedule, by=1), exhausted=True))
    assert (await take(begin, schedule.job_id)).exhausted


@pytest.mark.parametrize("change", ["fired", "redefined", "paused", "resumed", "announced", "set aside"])
async def test_a_refill_that_comes_too_late_changes_nothing(begin: Begin, change: str) -> None:
    schedule = await low(begin)
    async with begin() as work:
        match change:
            case "fired":
                await work.schedules.record(fire([schedule]))
            case "redefined":
                await work.schedules.put(replace(schedule, job_version=2))
            case "paused":
                await work.schedules.put(replace(schedule, active=False))
            case "resumed":
                await work.schedules.put(replace(schedule, upcoming=longer(schedule).upcoming[1:]))
            case "announced":
                await work.schedules.put(replace(schedule, changes_at=schedule.upcoming[-1] + MINUTE))
            case "set aside":
                await work.schedules.set_aside(schedule.job_id, "boom", work.now + MINUTE)
        await work.commit()
    before = await take(begin, schedule.job_id)
    await refill(begin, longer(schedule))
    assert await take(begin, schedule.job_id) == before


async def test_of_two_refills_the_second_changes_nothing_it_need_not(begin: Begin) -> None:
    schedule = await low(begin)
    await refill(begin, longer(schedule))
    await refill(begin, longer(schedule))
    assert await take(begin, schedule.job_id) == longer(schedule)


async def test_no_schedules_to_refill_are_no_statement(begin: Begin) -> None:
    await refill(begin)


async def test_a_schedule_set_aside_is_looked_at_again_at_the_time_given(begin: Begin, store: Store) -> None:
    ill, well = await add_due(begin, 2)
    for failures in (1, 2):
        async with begin() as work:
            await work.schedules.set_aside(ill.job_id, "the trigger broke", work.now + MINUTE / failures)
            await work.commit()
        (row,) = await rows(store, schedules, schedules.c.job_id == ill.job_id)
        assert (row.health_error, row.failures, row.due_at) == (
            "the trigger broke",
            failures,
            work.now + MINUTE / failures,
        )
    async with begin() as work:
        assert [s.job_id for s in await work.schedules.take_due(work.now, 100)] == [well.job_id]
        due = await work.schedules.take_due(work.now + 2 * MINUTE, 100)
        assert {s.job_id for s in due} == {ill.job_id, well.job_id}
        assert replace(next(s for s in due if s.job_id == ill.job_id)) == ill


async def test_a_fire_that_comes_before_the_time_given_is_not_put_off(begin: Begin, store: Store) -> None:
    (schedule,) = await add_due(begin, 1, late=-MINUTE)
    async with begin() as work:
        await work.schedules.set_aside(schedule.job_id, "no more times could be found", work.now + HOUR)
        await work.commit()
    (row,) = await rows(store, schedules)
    assert row.due_at == schedule.upcoming[0]


@pytest.mark.parametrize("cure", ["put", "record"])
async def test_a_schedule_that_was_decided_or_planned_anew_is_healthy_again(
    begin: Begin, store: Store, cure: str
) -> None:
    (schedule,) = await add_due(begin, 1)
    async with begin() as work:
        await work.schedules.set_aside(schedule.job_id, "boom", work.now + MINUTE)
        if cure == "put":
            await work.schedules.put(schedule)
        else:
            await work.schedules.record(fire([schedule]))
        await work.commit()
    (row,) = await rows(store, schedules)
    assert (row.health_error, row.failures) == (None, 0)


async def test_planning_anew_keeps_when_it_last_fired(begin: Begin, store: Store) -> None:
    (schedule,) = await add_due(begin, 1)
    async with begin() as work:
        await work.schedules.record(fire([schedule]))
        await work.schedules.put(replace(moved_on(schedule, fired=1), job_version=2))
        await work.commit()
    (row,) = await rows(store, schedules)
    assert (row.last_fired_at, row.job_version, row.fired_count) == (work.now, 2, 1)


async def test_triggers_are_those_of_the_present_versions(begin: Begin, store: Store) -> None:
    nightly = CronTrigger(expression=CronExpression.parse("0 3 * * *"), zone=TimeZone("Europe/Berlin"))
    cron, manual, broken = (
        await add_job(begin, "cron", trigger=nightly),
        await add_job(begin, "manual"),
        await add_job(begin, "broken"),
    )
    async with store.engine.begin() as connection:
        of_a_later_version = '{"name":"broken","type":"COMMAND","trigger":{"type":"MOON"}}'
        await connection.execute(sa.update(jobs).where(jobs.c.id == broken.id).values(spec=of_a_later_version))
    async with begin() as work:
        found = await work.schedules.triggers([cron.id, manual.id, broken.id, JobId(uuid4())])
        assert found == {cron.id: nightly, manual.id: ManualTrigger()}
        assert await work.schedules.triggers([]) == {}
