"""GET /events/stream: what happens, while it happens."""

from typing import Annotated

from litestar import get
from litestar.params import HeaderParameter, QueryParameter
from litestar.response import Stream

from application.notifications.cloud_event import CloudEvent
from application.notifications.event_feed import EventFeed
from application.notifications.ports import JobLookup
from application.shared.draining import Draining
from application.shared.principal import Principal
from application.shared.wake_up import WakeUp
from domain.notifications.errors import EventsAgedOut
from domain.notifications.message import Position
from domain.notifications.pattern import Pattern
from domain.shared.errors import Invalid
from interfaces.rest.documented import problems
from interfaces.rest.injected import Injected
from interfaces.rest.notifications.event_stream import MEDIA_TYPE, EventStream, Wanted
from interfaces.rest.openapi.document import STREAM
from interfaces.rest.parameters import invalid, several


@get(
    "/events/stream",
    operation_id="followEvents",
    tags=["Events"],
    opt={STREAM: (MEDIA_TYPE, CloudEvent)},
    responses=problems(404, 410),
)
async def follow_events(
    principal: Injected[Principal],
    event_feed: Injected[EventFeed],
    event_types: Injected[frozenset[str]],
    job_lookup: Injected[JobLookup],
    wake_up: Injected[WakeUp],
    draining: Injected[Draining],
    type_: Annotated[
        str | None,
        QueryParameter(name="type", description="`TaskFailed`, or `OccurrenceDecided:MISSED`; several with commas."),
    ] = None,
    job: Annotated[str | None, QueryParameter(description="Only events that name this job; its name or id.")] = None,
    last_event_id: Annotated[
        str | None, HeaderParameter(name="Last-Event-ID", description="Go on after this event; browsers send it.")
    ] = None,
) -> Stream:
    """Server-Sent Events: each a CloudEvent, under its type, with an id to go on from.

    Refused with `EVENTS_AGED_OUT` when what followed the last id is not kept any more.
    """
    try:
        patterns = [Pattern.read(text, event_types) for text in several("type", type_)]
    except Invalid as refusal:
        raise invalid("type", str(refusal).rstrip(".")) from None
    job_id = None if job is None else str(await job_lookup.id_of(principal.tenant, job))
    last = None
    if last_event_id:
        last = Position.read(last_event_id)
        if last is None:
            raise EventsAgedOut(last_event_id)
    wanted = Wanted(tenant=principal.tenant, patterns=patterns, job_id=job_id)
    stream = EventStream(event_feed, wake_up, draining, wanted)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Stream(await stream.open(last), media_type=MEDIA_TYPE, headers=headers)
