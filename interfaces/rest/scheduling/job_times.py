"""When a job will fire, and what became of its fires."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from litestar import Controller, get
from litestar.params import FromPath, QueryParameter

from application.scheduling.job_management import JobManagementService
from application.scheduling.queries import SchedulingReader, Slice
from application.scheduling.views import OccurrenceView
from application.shared.page import Page
from application.shared.principal import Principal
from interfaces.rest.bodies import Body
from interfaces.rest.documented import problems
from interfaces.rest.injected import Injected
from interfaces.rest.keys import job_key
from interfaces.rest.parameters import Cursor, Limit

MOST_FIRES = 100


class FireView(Body, frozen=True, kw_only=True):
    """What the trigger says, and that plus the job's jitter."""

    nominal_at: datetime
    planned_at: datetime


class Fires(Body, frozen=True, kw_only=True):
    """Soonest first."""

    fires: Sequence[FireView]


class JobTimeController(Controller):
    """The past is the ledger, the future what the trigger says."""

    path = "/jobs/{job:str}"
    tags = ("Jobs",)

    @get("/next", operation_id="nextFires", responses=problems(404))
    async def next(
        self,
        job: FromPath[str],
        principal: Injected[Principal],
        jobs: Injected[JobManagementService],
        count: Annotated[int, QueryParameter(ge=1, le=MOST_FIRES, description="How many.")] = 5,
    ) -> Fires:
        """When it will fire next, if nothing changes."""
        fires = await jobs.next_fires(principal, job_key(job), count)
        return Fires(fires=[FireView(nominal_at=f.nominal_at, planned_at=f.planned_at) for f in fires])

    @get("/occurrences", operation_id="listOccurrences", responses=problems(404))
    async def occurrences(
        self,
        job: FromPath[str],
        principal: Injected[Principal],
        reader: Injected[SchedulingReader],
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[OccurrenceView]:
        """Its ledger, newest first: what became of each planned fire, and why."""
        found = await reader.job(principal.tenant, job_key(job))
        return await reader.occurrences(principal.tenant, found.id, Slice(limit=limit, cursor=cursor))
