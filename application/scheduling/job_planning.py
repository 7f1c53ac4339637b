"""A job and its schedule are saved together: whenever the job changes, its next fires are planned anew."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from application.scheduling.documents import at
from application.scheduling.lanes import Lanes
from application.scheduling.ports import SchedulingWork
from application.shared.ids import Ids
from application.shared.principal import Principal
from application.shared.wake_up import PLANNER, WakeUp
from domain.scheduling.ids import JobId, TaskId
from domain.scheduling.job import Job, JobDefinition, JobStatus
from domain.scheduling.schedule import Schedule
from domain.timing.ports import Calendars
from domain.timing.trigger import Trigger, TriggerState


class JobPlanning:
    """Works inside the unit of work of its caller, who commits and then calls `committed`."""

    def __init__(self, ids: Ids, calendars: Calendars, lanes: Lanes, wake_up: WakeUp) -> None:
        self._ids = ids
        self._calendars = calendars
        self._lanes = lanes
        self._wake_up = wake_up

    async def add(self, work: SchedulingWork, principal: Principal, definition: JobDefinition, *, active: bool) -> Job:
        """A new job with its schedule. Raises `JobNameTaken`, `Invalid` if it could never fire."""
        begins_anew(definition, None, work.now)
        job = Job.create(JobId(self._ids.new()), principal.tenant, definition, principal.name, work.now)
        if active:
            job.activate(principal.name, work.now)
        await self._save(work, job, TriggerState(since=work.now if active else None))
        return job

    async def replan(self, work: SchedulingWork, job: Job, *, anew: bool = False) -> None:
        """Save the changed job and plan anew from now on; what is due is kept, what a pause held back is not.

        `anew`: the job begins with its trigger now, so that relative times count from here.
        """
        schedule = await work.schedules.take(job.id)
        due = tuple(n for n in schedule.upcoming if n <= work.now) if schedule.active else ()
        state = replace(schedule.state, since=work.now) if anew else schedule.state
        await self._save(work, job, state, due, schedule.awaited)

    def committed(self, job: Job) -> None:
        """The planner may have to rise earlier, claims may have a new lane to look at."""
        self._wake_up.signal(PLANNER)
        self._lanes.added(job.lane)

    async def _save(
        self,
        work: SchedulingWork,
        job: Job,
        state: TriggerState,
        due: tuple[datetime, ...] = (),
        awaited: TaskId | None = None,
    ) -> None:
        await work.jobs.save(job)
        await work.listeners.put(job.id, () if job.status is JobStatus.DELETED else job.definition.trigger.patterns)
        policy = job.definition.firing
        schedule = Schedule(
            job_id=job.id,
            job_version=job.definition_version,
            lane=await work.lanes.number(job.lane),
            policy=policy,
            state=state,
            upcoming=due,
            active=job.status is JobStatus.ACTIVE,
            awaited=awaited if policy.awaits_end else None,
        ).refilled(job.definition.trigger, self._calendars, work.now, skip_past=True)
        await work.schedules.put(schedule)


def begins_anew(definition: JobDefinition, former: Trigger | None, now: datetime) -> bool:
    """Whether its trigger is not the former one. Raises `Invalid` for a new one that could never fire."""
    trigger = definition.trigger
    if trigger == former:
        return False
    at("/trigger", lambda: trigger.check_new(now))
    return True
