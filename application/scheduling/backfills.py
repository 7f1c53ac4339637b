"""Backfills as those who want one see them: started, rehearsed, paused, resumed, cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Final

from application.scheduling.job_management import JobKey
from application.scheduling.ports import BeginWork, SchedulingWork
from application.shared.ids import Ids
from application.shared.principal import Principal
from application.shared.wake_up import BACKFILLS, WakeUp
from domain.scheduling.backfill import Backfill
from domain.scheduling.backfill_errors import NothingToBackfill
from domain.scheduling.backfill_plan import BackfillOverlap, BackfillPlan, Walk
from domain.scheduling.ids import BackfillId
from domain.scheduling.job import Job
from domain.scheduling.policies import OverlapPolicy
from domain.scheduling.schedule import Schedule
from domain.timing.ports import Calendars

MOST_COUNTED: Final = 10_000
"""Times that a rehearsal counts one by one: less than a second's work, a week of minutes."""

SHOWN_TIMES: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """What a backfill would do: the first `times` of `count` in its order, which is all of them only if `exact`."""

    backfill: Backfill
    count: int
    passed: int
    exact: bool
    times: Sequence[datetime]


class Backfills:
    """Every method is one unit of work; what is started is done by the backfiller, on any node."""

    def __init__(self, begin: BeginWork, ids: Ids, calendars: Calendars, wake_up: WakeUp) -> None:
        self._begin = begin
        self._ids = ids
        self._calendars = calendars
        self._wake_up = wake_up

    async def start(
        self, principal: Principal, key: JobKey, planned: Callable[[BackfillOverlap], BackfillPlan]
    ) -> BackfillId:
        """`planned` makes the plan, given how overlap is handled unless it says otherwise: as the job's policy has it.

        Raises `JobNotFound`, `IllegalJobState` unless ACTIVE or PAUSED, `JobUnreadable`, `Invalid`,
        `NothingToBackfill`, `BackfillUnderWay`.
        """
        async with self._begin() as work:
            backfill, _ = await self._made(work, principal, key, planned)
            await work.backfills.save(backfill)
            await work.commit()
        self._wake_up.signal(BACKFILLS)
        return backfill.id

    async def rehearse(
        self, principal: Principal, key: JobKey, planned: Callable[[BackfillOverlap], BackfillPlan]
    ) -> Rehearsed:
        """What would be started; nothing is kept. Raises as `start` does."""
        async with self._begin() as work:
            backfill, walk = await self._made(work, principal, key, planned)
        times, passed, frontier, exact = list[datetime](), 0, None, False
        while not exact and len(times) + passed < MOST_COUNTED:
            stretch = walk.after(frontier)
            async with self._begin() as work:
                keys = [backfill.key_of(n) for n in stretch.times]
                known = await work.run_history.fired_among(backfill.job_id, keys)
            left = [n for n, key_ in zip(stretch.times, keys, strict=True) if key_ not in known]
            times, passed = times + left, passed + len(keys) - len(left)
            frontier, exact = stretch.frontier, stretch.is_last
            await asyncio.sleep(0)
        return Rehearsed(backfill=backfill, count=len(times), passed=passed, exact=exact, times=times[:SHOWN_TIMES])

    async def pause(self, principal: Principal, backfill_id: BackfillId, reason: str | None) -> None:
        """Raises `BackfillNotFound`, `IllegalBackfillState`."""
        await self._change(principal, backfill_id, lambda b, now: b.pause(reason, principal.name, now))

    async def resume(self, principal: Principal, backfill_id: BackfillId) -> None:
        """Raises `BackfillNotFound`, `IllegalBackfillState`."""
        await self._change(principal, backfill_id, lambda b, now: b.resume(principal.name, now))
        self._wake_up.signal(BACKFILLS)

    async def cancel(self, principal: Principal, backfill_id: BackfillId, reason: str | None) -> None:
        """Tasks that it has created go on. Raises `BackfillNotFound`, `IllegalBackfillState`."""
        await self._change(principal, backfill_id, lambda b, now: b.cancel(reason, principal.name, now))

    async def _made(
        self,
        work: SchedulingWork,
        principal: Principal,
        key: JobKey,
        planned: Callable[[BackfillOverlap], BackfillPlan],
    ) -> tuple[Backfill, Walk]:
        job = await work.jobs.get(principal.tenant, key)
        job.require_runnable()
        schedule = await work.schedules.take(job.id)
        beside = schedule.policy.overlap is OverlapPolicy.ALLOW
        plan = planned(BackfillOverlap.ALLOW if beside else BackfillOverlap.WAIT)
        plan.check(work.now)
        walk = walk_of(job, schedule, plan, self._calendars)
        if job.definition.trigger.awaits_end:
            why = "The times of a FIXED_DELAY job follow from the ends of its runs: none can be missing."
            raise NothingToBackfill("", why)
        if next(islice(walk.times(None, plan.end), 1), None) is None:
            why = "The job's trigger has no time from `from` up to `to`. Ask POST /jobs/preview when it fires."
            raise NothingToBackfill("/from", why)
        made = Backfill.start(
            BackfillId(self._ids.new()), principal.tenant, (job.id, job.definition.name), plan, principal.name, work.now
        )
        return made, walk

    async def _change(
        self, principal: Principal, backfill_id: BackfillId, act: Callable[[Backfill, datetime], bool]
    ) -> None:
        async with self._begin() as work:
            backfill = await work.backfills.get(principal.tenant, backfill_id)
            if act(backfill, work.now):
                await work.backfills.save(backfill)
                await work.commit()


def walk_of(job: Job, schedule: Schedule, plan: BackfillPlan, calendars: Calendars) -> Walk:
    """Over the times of a job's present trigger."""
    return Walk(plan, job.definition.trigger, calendars, schedule.state.since)
