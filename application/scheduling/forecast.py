"""When jobs will fire, if nothing changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Final
from uuid import UUID

from application.scheduling.coming_fires import Fire, fires_after, fires_of
from application.scheduling.documents import at
from application.scheduling.fire_difference import FireDifference, Standing, difference
from application.scheduling.job_document import JobDocument
from application.scheduling.job_management import JobKey
from application.scheduling.job_mapping import definition_of
from application.scheduling.matching import EdgeOutlook, check_matches, coming_matches, upstream_triggers
from application.scheduling.ports import BeginWork
from application.scheduling.trigger_document import TriggerDocument, trigger_of
from application.shared.clock import Clock
from application.shared.principal import Principal
from domain.scheduling.job import Job, JobDefinition, JobStatus
from domain.scheduling.schedule import Schedule
from domain.timing.clock_changes import ClockChangeNote, clock_change_notes
from domain.timing.ports import Calendars
from domain.timing.trigger import Trigger, TriggerState

NOBODY: Final = UUID(int=0)
"""The job whose place within jitter or window a preview shows: each job has its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """The fires to come, and what the trigger does when clocks are changed next."""

    fires: Sequence[Fire]
    clock_changes: Sequence[ClockChangeNote]


class Forecast:
    """The same rules as those of the planner. Where a time follows from the end of a run, runs take no time."""

    def __init__(self, begin: BeginWork, calendars: Calendars, clock: Clock) -> None:
        self._begin = begin
        self._calendars = calendars
        self._clock = clock

    async def of_job(self, principal: Principal, key: JobKey, count: int) -> Outlook:
        """The future of a job, of one that is not active as if it were activated now. Raises `JobNotFound`."""
        async with self._begin() as work:
            job = await work.jobs.get(principal.tenant, key)
            schedule = await work.schedules.take(job.id)
            now = work.now
        fires, trigger = self._of(job, schedule, now, count), job.definition.trigger
        return Outlook(fires=fires, clock_changes=self._changes(trigger, now, schedule.state))

    def compare(self, before: Standing | None, after: Standing, days: int) -> FireDifference:
        """What a change that is not made yet does to the fires of the next days."""
        return difference(before, after, self._calendars, self._clock.now(), days)

    def of_schedule(self, job: Job, schedule: Schedule, count: int) -> Sequence[Fire]:
        """The next fires of a job that may not be stored."""
        return self._of(job, schedule, self._clock.now(), count)

    def _of(self, job: Job, schedule: Schedule, now: datetime, count: int) -> Sequence[Fire]:
        state = schedule.state
        if job.status not in (JobStatus.ACTIVE, JobStatus.PAUSED):
            state = replace(state, since=now)
        if schedule.awaited is not None:
            state = replace(state, last_end=now)
        trigger = job.definition.trigger
        after = trigger.look_from(now, state)
        coming = fires_of(trigger, job.coming, schedule, after, state, self._calendars)
        return list(islice(coming, count))

    async def matches_of(self, principal: Principal, document: JobDocument, count: int) -> Sequence[EdgeOutlook]:
        """What the matches of a document mean, if its upstreams exist. Raises `Invalid` like a job that is saved."""
        definition = definition_of(document)
        async with self._begin() as work:
            upstreams = await upstream_triggers(work, principal.tenant, definition)
        check_matches(definition, upstreams, self._calendars, self._clock.now())
        return self.matches(definition, upstreams, count)

    def matches(self, definition: JobDefinition, upstreams: Mapping[str, Trigger], count: int) -> Sequence[EdgeOutlook]:
        """What the matches of a job mean for its next fires."""
        return coming_matches(definition, upstreams, self._calendars, self._clock.now(), count)

    def of_trigger(self, document: TriggerDocument, after: datetime | None, count: int) -> Outlook:
        """The future of a job that would be activated at `after`, or now. Raises `Invalid`."""
        trigger = at("/trigger", lambda: trigger_of(document))
        at("/trigger", lambda: trigger.check_known(self._calendars))
        since = after or self._clock.now()
        state = TriggerState(since=since)
        coming = fires_after(NOBODY, trigger, trigger.look_from(since, state), state, self._calendars)
        fires = at("/trigger", lambda: list(islice(coming, count)))
        return Outlook(fires=fires, clock_changes=self._changes(trigger, since, state))

    def _changes(self, trigger: Trigger, after: datetime, state: TriggerState) -> Sequence[ClockChangeNote]:
        return clock_change_notes(trigger, after, state, self._calendars)
