"""Fires that were missed, made up for."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import msgspec
from litestar import Controller, Response, get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from application.scheduling.backfill_views import BackfillFilter, BackfillReader, BackfillView, view_of_backfill
from application.scheduling.backfills import Backfills, Rehearsed
from application.scheduling.documents import at
from application.scheduling.queries import SchedulingReader, Slice
from application.shared.page import Page
from application.shared.principal import Principal
from domain.scheduling.backfill import BackfillStatus
from domain.scheduling.backfill_plan import BackfillOrder, BackfillOverlap, BackfillPlan
from domain.scheduling.priority import parse_priority
from interfaces.rest.bodies import Body, instant
from interfaces.rest.documented import also, problems
from interfaces.rest.injected import Injected
from interfaces.rest.keys import backfill_id, job_key
from interfaces.rest.parameters import Cursor, Limit, choices
from interfaces.rest.scheduling.job_answers import DryRun
from interfaces.rest.scheduling.reasons import NO_REASON, Reason, ReasonParameter, reason_of


class BackfillRequest(Body, frozen=True, kw_only=True):
    """The nominal times from `from` up to, not including, `to`, that have not fired; with `force` those that have, too.

    `overlap` WAIT: one after the other, and never beside another task of the job; ALLOW: up to `maxLive` at once.
    Unless given, it is ALLOW for a job whose own policy is ALLOW. `maxPerMinute` bounds how many start in a minute.
    """

    from_: datetime = msgspec.field(name="from")
    to: datetime
    order: BackfillOrder = BackfillOrder.OLDEST_FIRST
    overlap: BackfillOverlap | None = None
    max_live: int = 4
    max_per_minute: int | None = None
    force: bool = False
    priority: int | str = "LOWEST"

    def plan(self, overlap: BackfillOverlap) -> BackfillPlan:
        """As the domain has it. Raises `Invalid`."""
        return BackfillPlan(
            begin=instant(self.from_, "/from"),
            end=instant(self.to, "/to"),
            order=self.order,
            overlap=self.overlap or overlap,
            max_live=self.max_live,
            per_minute=self.max_per_minute,
            force=self.force,
            priority=at("/priority", lambda: parse_priority(self.priority)),
        )


class RehearsedBackfill(BackfillView, frozen=True, kw_only=True):
    """A backfill as it would be: `count` times would fire, the first of them `times`.

    Unless `exact`, it was counted only so far: there are more.
    """

    count: int
    exact: bool
    times: Sequence[datetime]


@post(
    "/jobs/{job:str}/backfill",
    operation_id="backfillJob",
    tags=["Backfills"],
    status_code=201,
    responses=problems(404, 409, 415, 422) | also(RehearsedBackfill),
)
async def backfill_job(
    job: FromPath[str],
    data: JSONBody[BackfillRequest],
    principal: Injected[Principal],
    backfills: Injected[Backfills],
    backfill_reader: Injected[BackfillReader],
    dry_run: DryRun = False,
) -> Response[BackfillView]:
    """Make up for fires of the past that the ledger lacks. Scheduled fires come first, its tasks wait behind others.

    With `dryRun` the answer says how many times would fire, and the first of them.
    """
    if dry_run:
        return Response(_rehearsed(await backfills.rehearse(principal, job_key(job), data.plan)), status_code=200)
    started = await backfills.start(principal, job_key(job), data.plan)
    view = await backfill_reader.backfill(principal.tenant, started)
    return Response(view, status_code=201, headers={"Location": f"/api/v1/backfills/{view.id}"})


class BackfillController(Controller):
    """Backfills that run, rest, or have ended."""

    path = "/backfills"
    tags = ("Backfills",)

    @get("/", operation_id="listBackfills", responses=problems(404))
    async def page(
        self,
        principal: Injected[Principal],
        reader: Injected[SchedulingReader],
        backfill_reader: Injected[BackfillReader],
        job_id: Annotated[str | None, QueryParameter(name="jobId", description="A job's id or name.")] = None,
        status: Annotated[str | None, QueryParameter(description="One or several, separated by commas.")] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[BackfillView]:
        """Newest first."""
        job = None if job_id is None else (await reader.job(principal.tenant, job_key(job_id))).id
        where = BackfillFilter(job_id=job, statuses=choices("status", status, BackfillStatus))
        return await backfill_reader.backfills(principal.tenant, where, Slice(limit=limit, cursor=cursor))

    @get("/{backfill:str}", operation_id="getBackfill", responses=problems(404))
    async def one(
        self, backfill: FromPath[str], principal: Injected[Principal], backfill_reader: Injected[BackfillReader]
    ) -> BackfillView:
        """How far it is, and what it waits for."""
        return await backfill_reader.backfill(principal.tenant, backfill_id(backfill))

    @post("/{backfill:str}/pause", operation_id="pauseBackfill", status_code=200, responses=problems(404, 409, 415))
    async def pause(
        self,
        backfill: FromPath[str],
        principal: Injected[Principal],
        backfills: Injected[Backfills],
        backfill_reader: Injected[BackfillReader],
        reason: ReasonParameter = None,
        data: JSONBody[Reason] = NO_REASON,
    ) -> BackfillView:
        """Create no more tasks until it is resumed; those that exist go on."""
        await backfills.pause(principal, backfill_id(backfill), reason_of(data, reason))
        return await backfill_reader.backfill(principal.tenant, backfill_id(backfill))

    @post("/{backfill:str}/resume", operation_id="resumeBackfill", status_code=200, responses=problems(404, 409))
    async def resume(
        self,
        backfill: FromPath[str],
        principal: Injected[Principal],
        backfills: Injected[Backfills],
        backfill_reader: Injected[BackfillReader],
    ) -> BackfillView:
        """Go on where it stood."""
        await backfills.resume(principal, backfill_id(backfill))
        return await backfill_reader.backfill(principal.tenant, backfill_id(backfill))

    @post("/{backfill:str}/cancel", operation_id="cancelBackfill", status_code=200, responses=problems(404, 409, 415))
    async def cancel(
        self,
        backfill: FromPath[str],
        principal: Injected[Principal],
        backfills: Injected[Backfills],
        backfill_reader: Injected[BackfillReader],
        reason: ReasonParameter = None,
        data: JSONBody[Reason] = NO_REASON,
    ) -> BackfillView:
        """End it for good; tasks that it has created go on."""
        await backfills.cancel(principal, backfill_id(backfill), reason_of(data, reason))
        return await backfill_reader.backfill(principal.tenant, backfill_id(backfill))


def _rehearsed(found: Rehearsed) -> RehearsedBackfill:
    view = {**msgspec.structs.asdict(view_of_backfill(found.backfill)), "already_fired": found.passed}
    return RehearsedBackfill(**view, count=found.count, exact=found.exact, times=found.times)


BACKFILLS = (backfill_job, BackfillController)
