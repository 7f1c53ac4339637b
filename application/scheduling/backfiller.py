"""Running backfills get on, one step after the other: whatever a step does is one transaction."""

from __future__ import annotations

import logging
from datetime import timedelta

from application.scheduling.backfill_recording import write_up_backfill
from application.scheduling.backfills import walk_of
from application.scheduling.metrics import UNCOUNTED, Metrics
from application.scheduling.ports import BeginWork, SchedulingWork
from application.scheduling.recording import WrittenUp
from application.scheduling.switches import NOTHING_STOPPED, RECHECK, Stops
from application.shared.errors import StoreUnavailable
from application.shared.ids import Ids
from application.shared.wake_up import OPENINGS, WakeUp, lane_topic
from domain.scheduling.backfill import Backfill
from domain.scheduling.ids import BackfillId
from domain.scheduling.job import JobStatus
from domain.scheduling.task import Origin
from domain.shared.ids import TenantId
from domain.timing.ports import Calendars

log = logging.getLogger(__name__)

PLATFORM = "platform"
"""Who pauses or cancels a backfill whose job allows no more runs."""


class Backfiller:
    """Any number of them may run at once, on any number of nodes: who holds a backfill's row does its next step."""

    def __init__(
        self,
        begin: BeginWork,
        ids: Ids,
        calendars: Calendars,
        wake_up: WakeUp,
        metrics: Metrics = UNCOUNTED,
        stops: Stops = NOTHING_STOPPED,
    ) -> None:
        self._begin = begin
        self._ids = ids
        self._calendars = calendars
        self._wake_up = wake_up
        self._metrics = metrics
        self._stops = stops

    async def tick(self) -> timedelta | None:
        """Do the steps that are due, oldest first; how long until the next, None if no backfill runs.

        While firing is stopped, backfills rest as well.
        """
        if await self._stops.firing_is_stopped():
            return RECHECK
        async with self._begin() as work:
            until = work.now
        while True:
            async with self._begin() as work:
                backfill = await work.backfills.take_due(until)  # what comes due meanwhile: after others had a turn
                if backfill is None:
                    next_due = await work.backfills.next_due()
                    return None if next_due is None else max(next_due - work.now, timedelta(0))
                try:
                    written = await self._step(work, backfill)
                    await work.backfills.save(backfill)
                    if written is not None:
                        work.record(written.events)
                    await work.commit()
                except StoreUnavailable:
                    raise
                except Exception as error:
                    failed, why = (backfill.tenant, backfill.id), error
                else:
                    self._committed(written)
                    continue
            await self._put_aside(*failed, why)

    async def _step(self, work: SchedulingWork, backfill: Backfill) -> WrittenUp | None:
        """What it creates now, if anything."""
        job = await work.jobs.get(backfill.tenant, backfill.job_id, even_unreadable=True)
        if job.status is JobStatus.DELETED:
            backfill.cancel("the job was deleted", PLATFORM, work.now)
            return None
        if "trigger" not in job.allowed_actions:
            backfill.pause(f"the job is {job.status}; resume the backfill once it is ACTIVE", PLATFORM, work.now)
            return None
        job.require_readable()
        schedule = await work.schedules.take(job.id)
        if backfill.needs_times:
            walk = walk_of(job, schedule, backfill.plan, self._calendars)
            backfill.looked_ahead(walk.after(backfill.frontier))
        live = await work.run_history.live_backfilled(job.id)
        usual_run = await work.run_history.longest_backfilled(job.id, backfill.id)
        if (hindrance := backfill.hindrance(schedule, live, usual_run, work.now)) is not None:
            backfill.wait(hindrance)
            return None
        keys = [backfill.key_of(n) for n in backfill.waiting]
        backfill.pass_over(await work.run_history.fired_among(job.id, keys))
        times = backfill.take(live, work.now)
        if not times:
            return None
        written = write_up_backfill(backfill, schedule, times, self._ids, work.now)
        await work.schedules.record(written.fired)
        return written

    def _committed(self, written: WrittenUp | None) -> None:
        if written is not None:
            self._metrics.created(Origin.BACKFILL, len(written.fired.tasks))
            for lane, count in written.lanes.items():
                self._wake_up.signal(lane_topic(lane), count)
            self._wake_up.signal(OPENINGS)  # some may wait at limits

    async def _put_aside(self, tenant: TenantId, backfill_id: BackfillId, error: Exception) -> None:
        """One that cannot go on is paused with the reason, and holds up no other."""
        log.error("backfill %s cannot go on and is paused", backfill_id, exc_info=error)
        async with self._begin() as work:
            backfill = await work.backfills.get(tenant, backfill_id)
            if "pause" in backfill.allowed_actions:
                backfill.pause(f"{type(error).__name__}: {error}", PLATFORM, work.now)
                await work.backfills.save(backfill)
                await work.commit()
