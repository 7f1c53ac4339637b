"""Leaving out single fires that are still to come."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from itertools import islice

from application.scheduling.coming_fires import Fire, fire_at, fires_after
from application.scheduling.job_management import JobKey
from application.scheduling.ports import BeginWork, SchedulingWork
from application.shared.principal import Principal
from domain.scheduling.events import FireReinstated, FireSkipped
from domain.scheduling.job import Job
from domain.scheduling.schedule import Schedule
from domain.scheduling.skip import MOST_SKIPS, FireNotPlanned, Skip, TooManySkips
from domain.timing.ports import Calendars

SUGGESTED = 3
"""Fires that a refusal names."""


class Skips:
    """Who skips a fire that is skipped changes nothing, nor who reinstates one that is not.

    Both raise `JobNotFound`, `IllegalJobState` for a job that has no fires to come, and `FireNotPlanned`.
    """

    def __init__(self, begin: BeginWork, calendars: Calendars) -> None:
        self._begin = begin
        self._calendars = calendars

    async def skip(self, principal: Principal, key: JobKey, nominal: datetime, reason: str) -> Fire:
        """The fire at this nominal time will not run; the ledger will say why. Raises `TooManySkips`."""
        async with self._begin() as work:
            job, schedule = await self._taken(work, principal, key, nominal)
            skipping = schedule.skipping(Skip(nominal=nominal, reason=reason, by=principal.name))
            if skipping is not schedule:
                if len(skipping.skips) > MOST_SKIPS:
                    raise TooManySkips(job.definition.name, MOST_SKIPS)
                await work.schedules.keep_skips(skipping)
                skipped = FireSkipped(
                    occurred_at=work.now,
                    job_id=job.id,
                    job_name=job.definition.name,
                    nominal_at=nominal,
                    by=principal.name,
                    reason=reason,
                )
                work.record([skipped])
                await work.commit()
        return self._fire(job, skipping, nominal)

    async def reinstate(self, principal: Principal, key: JobKey, nominal: datetime) -> Fire:
        """The fire at this nominal time will run after all."""
        async with self._begin() as work:
            job, schedule = await self._taken(work, principal, key, nominal)
            reinstated = schedule.not_skipping(nominal)
            if reinstated.skips != schedule.skips:
                await work.schedules.keep_skips(reinstated)
                name, by = job.definition.name, principal.name
                work.record(
                    [FireReinstated(occurred_at=work.now, job_id=job.id, job_name=name, nominal_at=nominal, by=by)]
                )
                await work.commit()
        return self._fire(job, reinstated, nominal)

    async def _taken(
        self, work: SchedulingWork, principal: Principal, key: JobKey, nominal: datetime
    ) -> tuple[Job, Schedule]:
        """Under its lock the fire is not decided meanwhile."""
        job = await work.jobs.get(principal.tenant, key)
        job.require_planned()
        schedule = await work.schedules.take(job.id)
        trigger = job.definition.trigger
        if not schedule.will_reach(nominal, trigger, self._calendars, work.now):
            coming = fires_after(
                job.id, trigger, trigger.look_from(work.now, schedule.state), schedule.state, self._calendars
            )
            raise FireNotPlanned(job.definition.name, nominal, [fire.nominal_at for fire in islice(coming, SUGGESTED)])
        return job, schedule

    def _fire(self, job: Job, schedule: Schedule, nominal: datetime) -> Fire:
        trigger, state = job.definition.trigger, replace(schedule.state, last_nominal=nominal)
        following = None if trigger.awaits_end else trigger.next_fire(nominal, state, self._calendars)
        return fire_at(job.id, trigger, nominal, following, schedule.skipped.get(nominal))
