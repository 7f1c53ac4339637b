"""When a job will fire, and what became of its fires."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from litestar import Controller, get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from application.scheduling.coming_fires import Fire
from application.scheduling.forecast import Forecast, Outlook
from application.scheduling.queries import OccurrenceFilter, SchedulingReader, Slice
from application.scheduling.trigger_document import TriggerDocument
from application.scheduling.views import OccurrenceView
from application.shared.page import Page
from application.shared.principal import Principal
from domain.scheduling.occurrence import Decision
from domain.timing.clock_changes import ClockChangeNote, Effect
from interfaces.rest.bodies import Body, instant
from interfaces.rest.documented import problems
from interfaces.rest.injected import Injected
from interfaces.rest.keys import job_key
from interfaces.rest.parameters import Cursor, Limit, choices, instant_of

MOST_FIRES = 100


class SkippedBy(Body, frozen=True, kw_only=True):
    """Who does not want a fire, and why."""

    reason: str
    by: str


class FireView(Body, frozen=True, kw_only=True):
    """What the trigger says, and that moved by the job's jitter, or within its window, up to whose end it is in time.

    One that is `skipped` will not run.
    """

    nominal_at: datetime
    planned_at: datetime
    window_ends_at: datetime | None = None
    skipped: SkippedBy | None = None

    @classmethod
    def of(cls, fire: Fire) -> "FireView":
        """As the API shows it."""
        skipped = SkippedBy(reason=fire.skip.reason, by=fire.skip.by) if fire.skip else None
        return cls(
            nominal_at=fire.nominal_at,
            planned_at=fire.planned_at,
            window_ends_at=fire.window_ends_at,
            skipped=skipped,
        )


class Fires(Body, frozen=True, kw_only=True):
    """Soonest first."""

    fires: Sequence[FireView]

    @classmethod
    def of(cls, fires: Sequence[Fire]) -> "Fires":
        """As the API shows them."""
        return cls(fires=[FireView.of(fire) for fire in fires])


class ClockChangeView(Body, frozen=True, kw_only=True):
    """A change of the clocks of a zone, and what becomes of the local times that it removes or repeats.

    These are from `localFrom` up to `localTo`; `localTimes` are the first of them that the trigger names, `fires` what
    they become.
    """

    zone: str
    at: datetime
    clocks: Literal["FORWARD", "BACK"]
    local_from: str
    local_to: str
    effect: Effect
    local_times: Sequence[str]
    has_more: bool
    fires: Sequence[datetime]
    note: str

    @classmethod
    def of(cls, note: ClockChangeNote) -> "ClockChangeView":
        """As the API shows it."""
        return cls(
            zone=note.zone,
            at=note.change.at,
            clocks="FORWARD" if note.change.is_gap else "BACK",
            local_from=note.change.window_start.isoformat(),
            local_to=note.change.window_end.isoformat(),
            effect=note.effect,
            local_times=[local.isoformat() for local in note.local_times],
            has_more=note.has_more,
            fires=note.fires,
            note=note.sentence,
        )


class OutlookView(Fires, frozen=True, kw_only=True):
    """The fires, soonest first, and what the trigger does at the next two changes of the clocks it goes by."""

    clock_changes: Sequence[ClockChangeView]

    @classmethod
    def at(cls, outlook: Outlook) -> "OutlookView":
        """As the API shows it."""
        changes = [ClockChangeView.of(note) for note in outlook.clock_changes]
        return cls(fires=Fires.of(outlook.fires).fires, clock_changes=changes)


class Question(Body, frozen=True, kw_only=True):
    """When would a job fire that has this trigger and is activated at `after`, or now?"""

    trigger: TriggerDocument
    after: datetime | None = None
    count: Annotated[int, msgspec.Meta(ge=1, le=MOST_FIRES)] = 5


@post("/jobs/preview", operation_id="previewTrigger", tags=["Jobs"], status_code=200, responses=problems(413, 415, 422))
async def preview(data: JSONBody[Question], forecast: Injected[Forecast]) -> OutlookView:
    """When a trigger would fire. Jitter and windows spread jobs: their share in `plannedAt` is an example.

    Where times follow from the end of a run, runs take no time. Nothing is stored.
    """
    after = None if data.after is None else instant(data.after, "/after")
    return OutlookView.at(forecast.of_trigger(data.trigger, after, data.count))


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
    ) -> OutlookView:
        """When it will fire next, if nothing changes; one that is not active, if it were activated now."""
        return OutlookView.at(await forecast.of_job(principal, job_key(job), count))

    @get("/occurrences", operation_id="listOccurrences", responses=problems(404))
    async def occurrences(
        self,
        job: FromPath[str],
        principal: Injected[Principal],
        reader: Injected[SchedulingReader],
        decision: Annotated[str | None, QueryParameter(description="One or several, separated by commas.")] = None,
        since: Annotated[str | None, QueryParameter(name="from", description="Fires not before this instant.")] = None,
        until: Annotated[str | None, QueryParameter(name="to", description="Fires before this instant.")] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[OccurrenceView]:
        """Its ledger, newest first: what became of each planned fire, and why.

        An entry that stands for several fires is found if one of them lies in the span.
        """
        where = OccurrenceFilter(
            decisions=choices("decision", decision, Decision),
            since=instant_of("from", since),
            until=instant_of("to", until),
        )
        found = await reader.job(principal.tenant, job_key(job))
        return await reader.occurrences(principal.tenant, found.id, where, Slice(limit=limit, cursor=cursor))
