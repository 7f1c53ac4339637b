"""Which fires are to be left out is kept with the schedule, and everybody who takes it sees it."""

from __future__ import annotations

from dataclasses import replace

from domain.scheduling.ports.schedule_queue import Fired
from domain.scheduling.skip import Skip
from tests.contract.builders import HOUR, add_due, moved_on
from tests.contract.conftest import Begin


async def test_skips_come_back_as_they_were_kept_and_change_nothing_else(begin: Begin) -> None:
    schedule, other = await add_due(begin, 2)
    first = schedule.upcoming[0]
    words = ('it\'s a "freeze" – until ☀\nnoon', "ann")
    skips = tuple(Skip(nominal=first + n * HOUR, reason=words[0], by=words[1]) for n in range(3))
    async with begin() as work:
        taken = await work.schedules.take(schedule.job_id)
        await work.schedules.keep_skips(replace(taken, skips=skips, upcoming=(), active=False))
        await work.commit()
    async with begin() as work:
        assert await work.schedules.take_due(work.now, 2) == [replace(schedule, skips=skips), other]
        await work.schedules.keep_skips(schedule)
        await work.commit()
    async with begin() as work:
        assert await work.schedules.take(schedule.job_id) == schedule


async def test_deciding_leaves_the_skips_and_putting_replaces_them(begin: Begin) -> None:
    (schedule,) = await add_due(begin, 1)
    skips = (Skip(nominal=schedule.upcoming[1], reason="freeze", by="ann"),)
    skipping = replace(schedule, skips=skips)
    async with begin() as work:
        await work.schedules.keep_skips(skipping)
        await work.schedules.record(Fired(occurrences=[], tasks=[], schedules=[moved_on(skipping, fired=0)]))
        await work.commit()
    async with begin() as work:
        assert (await work.schedules.take(schedule.job_id)).skips == skips
        await work.schedules.put(replace(skipping, skips=skips * 2))
        await work.commit()
    async with begin() as work:
        assert (await work.schedules.take(schedule.job_id)).skips == skips * 2
