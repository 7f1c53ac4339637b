"""Jobs in answers: with their ETag, on the terms of the request, or as they would be."""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from hashlib import blake2s
from typing import Annotated, Any

import msgspec
from litestar import Response
from litestar.params import HeaderParameter, QueryParameter

from application.scheduling.fire_difference import FireDifference, Standing
from application.scheduling.forecast import Forecast
from application.scheduling.job_management import COMPARED_DAYS
from application.scheduling.job_terms import Rehearsal, Terms
from application.scheduling.job_views import view_of
from application.scheduling.queries import SchedulingReader
from application.scheduling.views import JobView
from application.shared.principal import Principal
from domain.scheduling.ids import JobId
from domain.scheduling.job import JobStatus
from interfaces.rest.bodies import Body
from interfaces.rest.parameters import instant_of, invalid
from interfaces.rest.scheduling.job_times import Fires, FireView
from interfaces.rest.scheduling.match_views import MatchesView

SHOWN_FIRES = 5

IfMatch = Annotated[
    str | None, HeaderParameter(name="If-Match", description="ETags; the job must still have the version of one.")
]
IfNoneMatch = Annotated[
    str | None, HeaderParameter(name="If-None-Match", description="ETags; 304 if the job still looks like one.")
]
DryRun = Annotated[
    bool, QueryParameter(name="dryRun", description="Check everything and show what would be; store nothing.")
]

EffectiveFrom = Annotated[
    str | None,
    QueryParameter(name="effectiveFrom", description="An instant to come: change the job then, and not at once."),
]

_TAG = re.compile(r'(?:W/)?"(?P<version>\d{1,9})(?:-[0-9a-f]+)?"')


Days = Annotated[int, QueryParameter(ge=1, le=366, description="How many days of fires a dry run compares.")]


class FireChangesView(Body, frozen=True, kw_only=True):
    """Nominal times from `from` up to `to` that come and that go: the first of them, and how many there are.

    `to` is earlier than was asked for where a job fires too often for that.
    """

    since: datetime = msgspec.field(name="from")
    until: datetime = msgspec.field(name="to")
    added: Sequence[datetime]
    removed: Sequence[datetime]
    added_count: int
    removed_count: int
    unchanged_count: int

    @classmethod
    def of(cls, difference: FireDifference) -> "FireChangesView":
        """As the API shows it."""
        return cls(**asdict(difference))


class RehearsedJob(JobView, frozen=True, kw_only=True):
    """A job as it would be, its next fires, what the change does to those of the next days, and what matches mean."""

    next_fires: Sequence[FireView]
    fire_changes: FireChangesView
    next_matches: Sequence[MatchesView]


def etag_of(job: JobView) -> str:
    """The job's version, and what else of it changes by itself: when it fires."""
    return f'"{job.version}-{blake2s(msgspec.json.encode(job), digest_size=6).hexdigest()}"'


def seen(job: JobView, if_none_match: str | None) -> Response[Any]:
    """The job, or 304 if its reader has it already."""
    tag = etag_of(job)
    known = {text.strip().removeprefix("W/") for text in (if_none_match or "").split(",")}
    if tag in known or "*" in known:
        return Response(None, status_code=304, headers={"ETag": tag})
    return Response(job, headers={"ETag": tag})


Change = Callable[[Terms], Awaitable[JobId]]


async def changed(
    change: Change,
    principal: Principal,
    reader: SchedulingReader,
    forecast: Forecast,
    *,
    effective_from: str | None = None,
    if_match: str | None = None,
    dry_run: bool = False,
    days: int = COMPARED_DAYS,
    status: int = 200,
) -> Response[JobView]:
    """Do it on these terms. The answer is the job afterwards; with `dry_run` as it would be, always with status 200."""
    terms = Terms(versions=_versions(if_match), effective_from=instant_of("effectiveFrom", effective_from))
    if dry_run:
        rehearsal = Rehearsal()
        await change(replace(terms, rehearsal=rehearsal))
        return Response(_rehearsed(rehearsal, forecast, days), status_code=200)
    job = await reader.job(principal.tenant, await change(terms))
    headers = {"ETag": etag_of(job)}
    if status == 201:
        headers["Location"] = f"/api/v1/jobs/{job.id}"
    return Response(job, status_code=status, headers=headers)


def _rehearsed(rehearsal: Rehearsal, forecast: Forecast, days: int) -> RehearsedJob:
    job, schedule = rehearsal.job, rehearsal.schedule
    assert job is not None
    assert schedule is not None
    view = view_of(job, schedule)
    fires = forecast.of_schedule(job, schedule, SHOWN_FIRES) if job.status is JobStatus.ACTIVE else ()
    matches = forecast.matches(job.definition, rehearsal.upstreams, SHOWN_FIRES)
    changes = forecast.compare(rehearsal.before, Standing.of(job, schedule), days)
    return RehearsedJob(
        **msgspec.structs.asdict(view),
        next_fires=Fires.of(fires).fires,
        fire_changes=FireChangesView.of(changes),
        next_matches=[MatchesView.of(each) for each in matches],
    )


def _versions(if_match: str | None) -> frozenset[int] | None:
    if if_match is None or if_match.strip() == "*":
        return None
    tags = [_TAG.fullmatch(text.strip()) for text in if_match.split(",")]
    if not all(tags):
        raise invalid("If-Match", f"{if_match!r} is no list of ETags that this server gives")
    return frozenset(int(tag["version"]) for tag in tags if tag)
