"""What failed, those that are alike together, and giving them another attempt."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import msgspec
from litestar import Controller, get, post
from litestar.params import JSONBody, QueryParameter

from application.scheduling.queries import FailureFilter, SchedulingReader
from application.scheduling.redrive import Redrive
from application.scheduling.views import FailureGroupView
from application.shared.principal import Principal
from domain.scheduling.dead_letter import DeadLetters, Pace
from domain.scheduling.ids import JobId
from domain.shared.errors import FieldProblem, Invalid
from interfaces.rest.bodies import Body, instant
from interfaces.rest.documented import problems
from interfaces.rest.idempotency import ONCE
from interfaces.rest.injected import Injected
from interfaces.rest.keys import Key, Words, job_key
from interfaces.rest.parameters import LARGEST_PAGE, instant_of

Fingerprint = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{16}\Z")]

Since = Annotated[str | None, QueryParameter(description="Ended not before this instant.")]
Until = Annotated[str | None, QueryParameter(description="Ended before this instant.")]


class FailureGroups(Body, frozen=True, kw_only=True):
    """The most frequent first."""

    items: Sequence[FailureGroupView]


class Redriving(Body, frozen=True, kw_only=True):
    """Tasks that ended FAILED or TIMEOUT: those with a `fingerprint`, of a `job`, that ended from `since` to `until`.

    `expectedCount` is how many the caller has seen; with `ratePerSecond` they come one after the other.
    """

    expected_count: Annotated[int, msgspec.Meta(ge=0)] | None = None
    fingerprint: Fingerprint | None = None
    job: Key | None = None
    since: datetime | None = None
    until: datetime | None = None
    rate_per_second: float | None = None
    reason: Words | None = None


class RedriveAnswer(Body, frozen=True, kw_only=True):
    """`count` tasks are tried again, the last of them from `lastReadyAt`; in a dry run as many would be."""

    count: int
    last_ready_at: datetime | None
    dry_run: bool


class FailureController(Controller):
    """Tasks that have used up their attempts."""

    path = "/failures"
    tags = ("Tasks",)

    @get("/groups", operation_id="listFailureGroups", responses=problems(404))
    async def groups(
        self,
        principal: Injected[Principal],
        reader: Injected[SchedulingReader],
        job_id: Annotated[str | None, QueryParameter(name="jobId", description="A job's id or name.")] = None,
        since: Since = None,
        until: Until = None,
        limit: Annotated[int, QueryParameter(ge=1, le=LARGEST_PAGE, description="The most groups.")] = 50,
    ) -> FailureGroups:
        """Failures that are alike, counted: where to look first after a bad night. The tasks: `/tasks?fingerprint=`."""
        job = None if job_id is None else await _job(principal, reader, job_id)
        where = FailureFilter(since=instant_of("since", since), until=instant_of("until", until), job_id=job)
        return FailureGroups(items=await reader.failures(principal.tenant, where, limit))

    @post(
        "/redrive",
        operation_id="redriveFailures",
        opt={ONCE: True},
        status_code=200,
        responses=problems(404, 409, 415, 422),
    )
    async def again(
        self,
        data: JSONBody[Redriving],
        principal: Injected[Principal],
        redrive: Injected[Redrive],
        reader: Injected[SchedulingReader],
        dry_run: Annotated[bool, QueryParameter(name="dryRun", description="Only count them.")] = False,
    ) -> RedriveAnswer:
        """Try them once more, oldest first. Jobs that are out of service, and unique keys in use, are passed over."""
        which = DeadLetters(
            tenant=principal.tenant,
            fingerprint=data.fingerprint,
            job_id=None if data.job is None else await _job(principal, reader, data.job),
            since=None if data.since is None else instant(data.since, "/since"),
            until=None if data.until is None else instant(data.until, "/until"),
        )
        pace = Pace(data.rate_per_second)
        if dry_run:
            return RedriveAnswer(count=await redrive.count(which), last_ready_at=None, dry_run=True)
        if data.expected_count is None:
            detail = "Say how many tasks you expect; `dryRun=true` counts them."
            raise Invalid(FieldProblem("/expectedCount", "REQUIRED", detail))
        done = await redrive.redrive(which, data.expected_count, pace, data.reason)
        return RedriveAnswer(count=done.count, last_ready_at=done.last_ready_at, dry_run=False)


async def _job(principal: Principal, reader: SchedulingReader, key: str) -> JobId:
    return JobId((await reader.job(principal.tenant, job_key(key))).id)
