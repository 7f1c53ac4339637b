"""All fires to come, of all jobs, and the slots that they will need."""

from __future__ import annotations

import asyncio
import logging
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from application.shared.clock import Clock
from application.shared.principal import Principal
from domain.scheduling.ids import JobId
from domain.scheduling.projection import Projection, project
from domain.scheduling.schedule import Schedule
from domain.scheduling.slot_profile import SlotProfile, slot_profile
from domain.shared.errors import Conflict, FieldProblem, Invalid
from domain.shared.ids import TenantId
from domain.timing.ports import Calendars
from domain.timing.trigger import NO_TIME, Trigger

log = logging.getLogger(__name__)

MOST_JOBS: Final = 10_000
LONGEST_SPAN: Final = timedelta(days=31)
SLICE: Final = 25
"""Jobs that are projected before others get a turn."""


class TooManyJobs(Conflict):
    """More jobs fire in that time than one answer looks at; a filter or a shorter time is needed."""

    code = "TOO_MANY_JOBS"

    def __init__(self) -> None:
        super().__init__(
            f"More than {MOST_JOBS} jobs fire in that time. Narrow it, or ask for a tag, a pool, a type or single jobs."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class UpcomingFilter:
    """Empty = any. Several values of one field: any of them; several fields: all."""

    names: Sequence[str] = ()
    tags: Sequence[str] = ()
    pools: Sequence[str] = ()
    types: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveJob:
    """A job with its schedule; `trigger` None if what is stored of it cannot be used."""

    name: str
    type: str
    pool: str
    schedule: Schedule
    trigger: Trigger | None


class UpcomingReader(Protocol):
    """What is known of the jobs that will fire; reads see what is committed."""

    @abstractmethod
    async def active_jobs(
        self, tenant: TenantId, where: UpcomingFilter, until: datetime, limit: int
    ) -> Sequence[ActiveJob]:
        """At most `limit` active jobs that may fire before `until`, those that are due first first."""

    @abstractmethod
    async def run_times(self, job_ids: Sequence[UUID]) -> Mapping[JobId, timedelta]:
        """The median of how long the latest runs that completed took; jobs without any are left out."""

    @abstractmethod
    async def slots(self, tenant: TenantId) -> Mapping[str, int]:
        """Of the executors that are online, by pool."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobProspect:
    """What comes of one job; `run_time` None if none of its runs has completed."""

    job_id: JobId
    name: str
    type: str
    pool: str
    run_time: timedelta | None
    projection: Projection


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolProspect:
    """The slots of a pool that are needed, and how many it has now."""

    pool: str
    slots: int
    profile: SlotProfile


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """`unreadable` are the names of jobs about which nothing can be said."""

    start: datetime
    end: datetime
    jobs: Sequence[JobProspect]
    pools: Sequence[PoolProspect]
    unreadable: Sequence[str]


class UpcomingFires:
    """Tells what the planner will do, by the rules by which it does it, if nothing changes and it is in time."""

    def __init__(self, reader: UpcomingReader, calendars: Calendars, clock: Clock) -> None:
        self._reader = reader
        self._calendars = calendars
        self._clock = clock

    async def look(
        self,
        principal: Principal,
        where: UpcomingFilter,
        start: datetime | None = None,
        end: datetime | None = None,
        most: int = 10,
    ) -> Prospect:
        """From `start` (at the earliest now) on and before `end` (a day later); more than `most` of a job are one.

        Raises `Invalid` for a span that is none, is over or is longer than `LONGEST_SPAN`; `TooManyJobs`.
        """
        span = self._span(start, end)
        active = await self._reader.active_jobs(principal.tenant, where, span[1], MOST_JOBS + 1)
        if len(active) > MOST_JOBS:
            raise TooManyJobs
        run_times = await self._reader.run_times([job.schedule.job_id for job in active])
        slots = await self._reader.slots(principal.tenant)
        jobs, unreadable = list[JobProspect](), list[str]()
        for n, job in enumerate(active):
            if n % SLICE == 0:
                await asyncio.sleep(0)
            run_time = run_times.get(job.schedule.job_id)
            projection = self._projection(job, span, most, run_time)
            if projection is None:
                unreadable.append(job.name)
            elif projection.count:
                jobs.append(_prospect(job, run_time, projection))
        pools = sorted({job.pool for job in jobs})
        return Prospect(
            start=span[0],
            end=span[1],
            jobs=jobs,
            pools=[PoolProspect(pool=p, slots=slots.get(p, 0), profile=_profile(p, jobs, span)) for p in pools],
            unreadable=unreadable,
        )

    def _span(self, start: datetime | None, end: datetime | None) -> tuple[datetime, datetime]:
        now = self._clock.now()
        begin = now if start is None else max(start, now)
        until = begin + timedelta(days=1) if end is None else end
        if until <= begin:
            detail = f"to ({until.isoformat()}) must be after from, and in the future: it is {now.isoformat()}."
            raise Invalid(FieldProblem("/to", "OUT_OF_ORDER", detail))
        if until - begin > LONGEST_SPAN:
            detail = f"From {begin.isoformat()} to {until.isoformat()} are more than {LONGEST_SPAN.days} days."
            raise Invalid(FieldProblem("/to", "OUT_OF_RANGE", detail))
        return begin, until

    def _projection(
        self, job: ActiveJob, span: tuple[datetime, datetime], most: int, run_time: timedelta | None
    ) -> Projection | None:
        if job.trigger is None:
            return None
        try:
            return project(job.schedule, job.trigger, self._calendars, span, most, run_time or NO_TIME)
        except Exception:
            log.exception("the fires of job %s cannot be foreseen", job.name)
            return None


def _prospect(job: ActiveJob, run_time: timedelta | None, projection: Projection) -> JobProspect:
    return JobProspect(
        job_id=job.schedule.job_id,
        name=job.name,
        type=job.type,
        pool=job.pool,
        run_time=run_time,
        projection=projection,
    )


def _profile(pool: str, jobs: Sequence[JobProspect], span: tuple[datetime, datetime]) -> SlotProfile:
    return slot_profile([(job.projection, job.run_time) for job in jobs if job.pool == pool], span)
