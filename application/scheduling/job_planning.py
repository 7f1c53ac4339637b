"""A job and its schedule are saved together: whenever the job changes, its next fires are planned anew."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import partial

from application.scheduling.documents import at
from application.scheduling.ending_others import drop_waiting, end_others
from application.scheduling.fire_difference import FireDifference, Standing, difference
from application.scheduling.job_graph import weave
from application.scheduling.lanes import Lanes
from application.scheduling.matching import check_matches, upstream_triggers
from application.scheduling.ports import SchedulingWork
from application.scheduling.recording import write_up
from application.shared.ids import Ids
from application.shared.principal import Principal
from application.shared.wake_up import JUDGEMENTS, OPENINGS, PLANNER, WakeUp
from domain.scheduling.excluded import Excluded
from domain.scheduling.firing import Firing, PlannedFire, decide
from domain.scheduling.ids import JobId, TaskId
from domain.scheduling.job import Job, JobDefinition, JobStatus
from domain.scheduling.occurrence import Decision
from domain.scheduling.ports.conditions import Conditions
from domain.scheduling.schedule import Schedule
from domain.scheduling.skip import Skip
from domain.scheduling.switch import FIRING
from domain.timing.ports import Calendars
from domain.timing.trigger import Trigger, TriggerState

MOST_COUNTED = 1000
"""Times of a pause that are counted one by one; evaluating more would hold the job's locks for too long."""

HELD_BACK = {JobStatus.PAUSED: Decision.SKIPPED_PAUSED, JobStatus.DISABLED: Decision.SKIPPED_DISABLED}
"""What became of the times that passed while a job was in one of these states."""


class JobPlanning:
    """Works inside the unit of work of its caller, who commits and then calls `committed`."""

    def __init__(self, ids: Ids, calendars: Calendars, lanes: Lanes, wake_up: WakeUp, conditions: Conditions) -> None:
        self._conditions = conditions
        self._ids = ids
        self._calendars = calendars
        self._lanes = lanes
        self._wake_up = wake_up

    def check(self, definition: JobDefinition) -> None:
        """Raises `Invalid` if its trigger names what nobody here knows."""
        for place, edge in enumerate(definition.dependencies.edges):
            if edge.condition is not None:
                at(f"/dependencies/{place}", partial(self._conditions.check, edge.condition))
        at("/trigger", lambda: definition.trigger.check_known(self._calendars))

    def begins_anew(self, definition: JobDefinition, former: Trigger | None, now: datetime) -> bool:
        """Whether its trigger is not the former one. Raises `Invalid` for a new one that could never fire."""
        trigger = definition.trigger
        if trigger == former:
            return False
        at("/trigger", lambda: trigger.check_new(now, self._calendars))
        return True

    async def add(self, work: SchedulingWork, principal: Principal, definition: JobDefinition, *, active: bool) -> Job:
        """A new job with its schedule. Raises `JobNameTaken`, `Invalid` if it could never fire."""
        self.begins_anew(definition, None, work.now)
        job = Job.create(JobId(self._ids.new()), principal.tenant, definition, principal.name, work.now)
        if active:
            job.activate(principal.name, work.now)
        await weave(work, job)
        await self._check_matches(work, job)
        await self._save(work, job, TriggerState(since=work.now if active else None))
        return job

    async def replan(self, work: SchedulingWork, job: Job, was: JobStatus, *, anew: bool = False) -> None:
        """Save the job, which `was` in that state, and plan anew from now on.

        What is due was due for the job as it was, and is decided so; only while firing is stopped it stays due. What a
        pause held back does not run, and the ledger says so. `anew`: the job begins with
        its trigger now, so that relative times count from here.
        """
        await weave(work, job)
        schedule = await work.schedules.take(job.id)
        if job.unreadable is None and job.definition_version != schedule.job_version:
            await self._check_matches(work, job)
        if was is JobStatus.ACTIVE and job.status is not JobStatus.DELETED:
            schedule = await self._decide_due(work, schedule)
        if (decision := HELD_BACK.get(was)) is not None:
            await self._note_held_back(work, schedule, decision)
        if job.status is JobStatus.DISABLED:
            await drop_waiting(work, job.id, job.status_reason)
        elif was is JobStatus.PAUSED and job.status is not JobStatus.PAUSED:
            await work.admissions.resume(job.id)
        if job.unreadable is not None:
            await self._put_away(work, job, schedule)
            return
        due = tuple(n for n in schedule.upcoming if n <= work.now) if schedule.active else ()
        state = replace(schedule.state, since=work.now) if anew else schedule.state
        kept = _kept(schedule, work.now, anew)
        await self._save(work, job, state, due, kept, schedule.awaited, schedule.skips, skip_past=True)

    async def announce(
        self, work: SchedulingWork, job: Job, definition: JobDefinition, at: datetime, principal: Principal
    ) -> bool:
        """The job will be that from `at` on; whether that is anything new. Raises `Invalid`."""
        self.begins_anew(definition, job.definition.trigger, at)
        if not job.announce(definition, at, principal.name, work.now):
            return False
        await self._end_times_before(work, job, at)
        return True

    async def withdraw(self, work: SchedulingWork, job: Job, principal: Principal) -> bool:
        """The job will stay what it is; whether it would not have."""
        if not job.withdraw(principal.name, work.now):
            return False
        await self._end_times_before(work, job, None)
        return True

    async def _end_times_before(self, work: SchedulingWork, job: Job, at: datetime | None) -> None:
        schedule = await work.schedules.take(job.id)
        await work.jobs.save(job)
        await work.schedules.put(schedule.changing(at, job.definition.trigger, self._calendars, work.now))

    async def take_effect(self, work: SchedulingWork, job: Job) -> bool:
        """Make of the job what was announced, if its time has come; whether it had.

        Fires of before that instant belong to the former version, those from then on to the new one, however late the
        planner is.
        """
        schedule, former, was = await work.schedules.take(job.id), job.definition.trigger, job.status
        if job.coming is None or job.coming.effective_from > work.now:
            return False
        if was is JobStatus.ACTIVE:
            schedule = await self._decide_due(work, schedule)
        change = job.take_effect(work.now)
        assert change is not None
        anew = change.definition.trigger != former
        if was is not JobStatus.ACTIVE:
            await self.replan(work, job, was, anew=anew)
            return True
        await weave(work, job)
        at, awaits_end = change.effective_from, change.definition.firing.awaits_end
        changed, kept = schedule.changed(at, anew=anew, awaits_end=awaits_end), _kept(schedule, at, anew)
        await self._save(work, job, changed.state, (), kept, schedule.awaited, schedule.skips, skip_past=False)
        return True

    async def _check_matches(self, work: SchedulingWork, job: Job) -> None:
        """Raises `Invalid` for a match that can never find a fire: all its tasks would be left out."""
        upstreams = await upstream_triggers(work, job.tenant, job.definition)
        check_matches(job.definition, upstreams, self._calendars, work.now)

    async def _put_away(self, work: SchedulingWork, job: Job, schedule: Schedule) -> None:
        """Nothing can be planned for a definition that cannot be used; what is known of its schedule is kept."""
        await work.jobs.save(job)
        if job.status is JobStatus.DELETED:
            await work.listeners.put(job.id, ())
        await work.schedules.put(replace(schedule, active=job.status is JobStatus.ACTIVE))

    async def _decide_due(self, work: SchedulingWork, schedule: Schedule) -> Schedule:
        """Fires of before this instant belong to the former version, however late the planner is.

        Its definition still stands in the store. One that cannot be decided is left to the planner.
        """
        if any(stopped.switch == FIRING for stopped in await work.switches.stopped()):
            return schedule
        while schedule.due_at is not None and schedule.due_at <= work.now:
            if schedule.runs_out(work.now):
                trigger = (await work.schedules.triggers([schedule.job_id])).get(schedule.job_id)
                if trigger is None:
                    break
                schedule = schedule.extended(trigger, self._calendars, work.now)
            firing = decide(schedule, work.now)
            if not firing.decisions:
                break
            written = write_up([firing], self._ids, work.now)
            await work.schedules.record(written.fired)
            await end_others(work, [firing], written.fired.tasks)  # executors hear of it with their next beat
            work.record(written.events)
            schedule = await work.schedules.take(schedule.job_id)
        return schedule

    async def _note_held_back(self, work: SchedulingWork, schedule: Schedule, decision: Decision) -> None:
        """One ledger entry for the times that have passed while the job was not active."""
        trigger = (await work.schedules.triggers([schedule.job_id])).get(schedule.job_id)  # as it was until now
        passed = [n for n in schedule.upcoming if n <= work.now]
        if not passed:
            return
        if trigger is not None and len(passed) == len(schedule.upcoming):
            more = trigger.upcoming(passed[-1], schedule.state, self._calendars, MOST_COUNTED - len(passed))
            passed += [n for n in more if n <= work.now]
        reason = "the job was " + ("paused" if decision is Decision.SKIPPED_PAUSED else "disabled")
        if len(passed) >= MOST_COUNTED:
            reason += f"; counted up to {passed[-1].isoformat()}, more were held back"
        fires = tuple(PlannedFire(nominal=n, planned=n, decision=decision, reason=reason) for n in passed)
        written = write_up([Firing(decisions=fires, after=schedule)], self._ids, work.now)
        await work.schedules.record(written.fired)
        work.record(written.events)

    def compare(self, before: Standing | None, after: Standing, now: datetime, days: int) -> FireDifference:
        """What a change does to the fires of the next days."""
        return difference(before, after, self._calendars, now, days)

    def committed(self, job: Job) -> None:
        """The planner may have to rise earlier, claims may have a new lane to look at."""
        self._wake_up.signal(PLANNER)
        self._wake_up.signal(OPENINGS)  # a fire that was due may have become a task
        self._wake_up.signal(JUDGEMENTS)  # or what waits may be judged by other edges now
        self._lanes.added(job.lane)

    async def _save(
        self,
        work: SchedulingWork,
        job: Job,
        state: TriggerState,
        due: tuple[datetime, ...] = (),
        excluded: tuple[Excluded, ...] = (),
        awaited: TaskId | None = None,
        skips: tuple[Skip, ...] = (),
        *,
        skip_past: bool = True,
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
            excluded=excluded,
            active=job.status is JobStatus.ACTIVE,
            awaited=awaited if policy.awaits_end else None,
            skips=skips,
            changes_at=None if job.coming is None else job.coming.effective_from,
        ).refilled(job.definition.trigger, self._calendars, work.now, skip_past=skip_past)
        await work.schedules.put(schedule)


def _kept(schedule: Schedule, now: datetime, anew: bool) -> tuple[Excluded, ...]:
    """What the ledger has yet to hear of, and what it has of times that are not over, if they are still excluded."""
    return tuple(
        each
        for each in schedule.excluded
        if (each.last > now and not anew if each.noted else each.first <= now and schedule.active)
    )
