"""What will happen: the fires to come of all jobs, and the slots that they will need."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from operator import attrgetter
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from litestar import get
from litestar.params import QueryParameter

from application.scheduling.upcoming import JobProspect, PoolProspect, Prospect, UpcomingFilter, UpcomingFires
from application.shared.principal import Principal
from domain.shared.errors import Invalid
from domain.timing.duration import format_duration
from domain.timing.local_moment import LocalMoment
from domain.timing.time_zone import TimeZone
from interfaces.rest.bodies import Body, read_instant
from interfaces.rest.documented import problems
from interfaces.rest.injected import Injected
from interfaces.rest.parameters import invalid, several
from interfaces.rest.scheduling.job_times import SkippedBy

MOST_ITEMS = 2000

From = Annotated[
    str | None, QueryParameter(name="from", description="Not before this instant, or local time in `tz`; default: now.")
]
To = Annotated[
    str | None, QueryParameter(name="to", description="Before this one; default: a day after `from`, at most 31 days.")
]
Zone = Annotated[str, QueryParameter(description="The zone of `localAt`, and of times without an offset.")]
Types = Annotated[str | None, QueryParameter(name="type", description="One or several, separated by commas.")]
Several = Annotated[str | None, QueryParameter(description="One or several, separated by commas.")]


class UpcomingView(Body, frozen=True, kw_only=True):
    """A fire, or `count` of them as one: from the first to `lastPlannedAt`, on the average one in each `interval`.

    `localAt` is `plannedAt` on the clocks of the zone. `projectedDurationSeconds` is the median of the latest runs that
    completed. With a window a fire is in time up to `windowEndsAt`. `skippedCount` of the fires will not run; if it is
    just one fire, `skipped` says why. `hasMore`: there are more fires than could be found out. `isEstimate`: they
    follow from how long runs take.
    """

    job_id: UUID
    job: str
    type: str
    pool: str
    nominal_at: datetime
    planned_at: datetime
    local_at: str
    window_ends_at: datetime | None
    count: int
    last_planned_at: datetime | None
    interval: str | None
    skipped: SkippedBy | None
    skipped_count: int
    projected_duration_seconds: float | None
    has_more: bool
    is_estimate: bool


class PoolView(Body, frozen=True, kw_only=True):
    """`needed` are the most slots at one time in each part of `bucket` of the time; `slots` are there now."""

    pool: str
    slots: int
    peak: int
    peak_at: datetime | None
    bucket: str
    needed: Sequence[int]


class Upcoming(Body, frozen=True, kw_only=True):
    """Soonest first. `hasMore`: there are more items than were asked for.

    `unreadable` are jobs about which nothing can be said, as their definitions cannot be used.
    """

    from_: datetime = msgspec.field(name="from")
    to: datetime
    time_zone: str
    items: Sequence[UpcomingView]
    has_more: bool
    pools: Sequence[PoolView]
    unreadable: Sequence[str]


@get("/upcoming", operation_id="listUpcoming", tags=["Jobs"], responses=problems(409, 422))
async def upcoming(
    principal: Injected[Principal],
    upcoming_fires: Injected[UpcomingFires],
    since: From = None,
    until: To = None,
    tz: Zone = "UTC",
    job: Several = None,
    tag: Several = None,
    pool: Several = None,
    type_: Types = None,
    collapse: Annotated[int, QueryParameter(ge=1, le=200, description="More fires of a job are one item.")] = 10,
    limit: Annotated[int, QueryParameter(ge=1, le=MOST_ITEMS, description="The most items.")] = 200,
) -> Upcoming:
    """The fires to come of all active jobs, if nothing changes and runs do not get in each other's way.

    These are just the times at which jobs will fire: with jitter, windows, limits, clock changes, and skipped fires.
    Only where times follow from the end of runs they are estimates.
    """
    zone = _zone(tz)
    where = UpcomingFilter(
        names=several("job", job), tags=several("tag", tag), pools=several("pool", pool), types=several("type", type_)
    )
    begin, end = _instant("from", since, zone), _instant("to", until, zone)
    try:
        prospect = await upcoming_fires.look(principal, where, begin, end, collapse)
    except Invalid as refusal:
        raise invalid("to", refusal.problems[0].detail.rstrip(".")) from None
    return _shown(prospect, zone, limit)


def _shown(prospect: Prospect, zone: TimeZone, limit: int) -> Upcoming:
    clocks = ZoneInfo(zone.name)
    items = sorted(
        (item for job in prospect.jobs for item in _items(job, clocks)),
        key=attrgetter("planned_at", "job", "nominal_at"),
    )
    return Upcoming(
        from_=prospect.start,
        to=prospect.end,
        time_zone=zone.name,
        items=items[:limit],
        has_more=len(items) > limit,
        pools=[_pool(pool) for pool in prospect.pools],
        unreadable=prospect.unreadable,
    )


def _items(job: JobProspect, clocks: ZoneInfo) -> Iterator[UpcomingView]:
    coming = job.projection
    for fire in islice(coming.fires, 1 if coming.is_collapsed else None):
        collapsed = coming.is_collapsed
        skipped = SkippedBy(reason=fire.skip.reason, by=fire.skip.by) if fire.skip and not collapsed else None
        yield UpcomingView(
            job_id=job.job_id,
            job=job.name,
            type=job.type,
            pool=job.pool,
            nominal_at=fire.nominal,
            planned_at=fire.planned,
            local_at=fire.planned.astimezone(clocks).isoformat(),
            window_ends_at=None if collapsed else fire.window_ends,
            count=coming.count if collapsed else 1,
            last_planned_at=coming.fires[-1].planned if collapsed else None,
            interval=format_duration(coming.interval) if collapsed and coming.interval else None,
            skipped=skipped,
            skipped_count=coming.skipped if collapsed else int(skipped is not None),
            projected_duration_seconds=None if job.run_time is None else job.run_time.total_seconds(),
            has_more=not coming.is_whole,
            is_estimate=coming.is_estimate,
        )


def _pool(pool: PoolProspect) -> PoolView:
    profile = pool.profile
    return PoolView(
        pool=pool.pool,
        slots=pool.slots,
        peak=profile.peak,
        peak_at=profile.peak_at,
        bucket=format_duration(profile.length),
        needed=profile.needed,
    )


def _zone(name: str) -> TimeZone:
    try:
        return TimeZone(name)
    except Invalid as refusal:
        raise invalid("tz", refusal.problems[0].detail.rstrip(".")) from None


def _instant(name: str, text: str | None, zone: TimeZone) -> datetime | None:
    if text is None:
        return None
    if (found := read_instant(text)) is not None:
        return found
    try:
        local = datetime.fromisoformat(text)
        found = LocalMoment(local, zone).instant() if local.tzinfo is None and 1970 < local.year < 9000 else None
    except ValueError:
        found = None
    if found is None:
        raise invalid(name, f"{text!r} is no instant; write it like 2031-05-04T12:00:00Z, or as a local time in `tz`")
    return found
