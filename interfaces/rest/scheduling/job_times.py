"""When a job will fire, and what became of its fires."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import msgspec
from litestar import Controller, get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from application.scheduling.forecast import Fire, Forecast
from application.scheduling.queries import SchedulingReader, Slice
from application.scheduling.trigger_document import TriggerDocument
from application.scheduling.views import OccurrenceView
from application.shared.page import Page
from application.shared.principal import Principal
from interfaces.rest.bodies import Body, instant
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

    @classmethod
    def of(cls, fires: Sequence[Fire]) -> "Fires":
        """As the API shows them."""
        return cls(fires=[FireView(nominal_at=f.nominal_at, planned_at=f.planned_at) for f in fires])


class Question(Body, frozen=True, kw_only=True):
    """When would a job fire that has this trigger and is activated at `after`, or now?"""

    trigger: TriggerDocument
    after: datetime | None = None
    count: Annotated[int, msgspec.Meta(ge=1, le=MOST_FIRES)] = 5


@post("/jobs/preview", operation_id="previewTrigger", tags=["Jobs"], status_code=200, responses=problems(413, 415, 422))
async def preview(data: JSONBody[Question], forecast: Injected[Forecast]) -> Fires:
    """When a trigger would fire. Jitter spreads jobs: its share in `plannedAt` is an example.

    Where times follow from the end of a run, runs take no time. Nothing is stored.
    """
    after = None if data.after is None else instant(data.after, "/after")
    return Fires.of(forecast.of_trigger(data.trigger, after, data.count))


class JobTimeController(Controller):
    """The past is the ledger, the future what the trigger says."""

    path = "/jobs/{job:str}"
    tags = ("Jobs",)

    @get("/next", operation_id="nextFires", responses=problems(404))
    async def next(
        self,
        job: FromPath[str],
        principal: Injected[Principal],
        forecast: Injected[Forecast],
        count: Annotated[int, QueryParameter(ge=1, le=MOST_FIRES, description="How many.")] = 5,
    ) -> Fires:
        """When it will fire next, if nothing changes; one that is not active, if it were activated now."""
        return Fires.of(await forecast.of_job(principal, job_key(job), count))

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
