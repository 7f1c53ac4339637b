"""Events from outside."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from litestar import Request, post

from application.scheduling.event_intake import EventDecision, EventIntake
from application.shared.principal import Principal
from domain.scheduling.inbound_event import InboundEvent
from domain.shared.errors import Invalid
from interfaces.rest.bodies import LARGEST_BATCH, Body
from interfaces.rest.documented import problems
from interfaces.rest.errors import problem_of
from interfaces.rest.injected import Injected
from interfaces.rest.openapi.document import BODIES
from interfaces.rest.problem import Problem
from interfaces.rest.scheduling.cloud_events import BATCH, STRUCTURED, CloudEvent, read_events


class EventDecisionView(Body, frozen=True, kw_only=True):
    """What a job made of an event. `repeated`: the event had come before, and this is what it did then."""

    job_id: UUID
    job_name: str
    decision: str
    task_id: UUID | None
    reason: str | None
    repeated: bool

    @classmethod
    def of(cls, decision: EventDecision) -> "EventDecisionView":
        """As the API shows it."""
        return cls(
            job_id=decision.job_id,
            job_name=decision.job_name,
            decision=decision.decision,
            task_id=decision.task_id,
            reason=decision.reason,
            repeated=decision.repeated,
        )


class ReceivedEvent(Body, frozen=True, kw_only=True):
    """An event and the jobs that were meant by it; none if nobody listens. One that is refused has the problem."""

    id: str | None = None
    source: str | None = None
    jobs: Sequence[EventDecisionView] = ()
    problem: Problem | None = None


class ReceivedEvents(Body, frozen=True, kw_only=True):
    """In the order of the events."""

    items: Sequence[ReceivedEvent]


@post(
    "/events",
    operation_id="publishEvents",
    tags=["Events"],
    status_code=200,
    request_max_body_size=LARGEST_BATCH,
    opt={BODIES: {STRUCTURED: CloudEvent, BATCH: list[CloudEvent], "application/json": object}},
    responses=problems(413, 415, 422),
)
async def publish_events(
    request: Request[Any, Any, Any], principal: Injected[Principal], events: Injected[EventIntake]
) -> ReceivedEvents:
    """Hand in CloudEvents 1.0. Each active job whose trigger means an event fires once for it.

    The event is given structured, as a batch, or in binary mode: its attributes as headers `ce-id`, `ce-source`,
    `ce-type`, `ce-specversion: 1.0` and so on, its data as the body. Delivering an event again is harmless and answers
    the same tasks. The task finds the event among its parameters, as `event`.
    """
    read = read_events(request.headers.multi_items(), await request.body())
    decisions = iter(await events.receive(principal, [event for event in read if isinstance(event, InboundEvent)]))
    return ReceivedEvents(
        items=[
            ReceivedEvent(problem=problem_of(event))
            if isinstance(event, Invalid)
            else ReceivedEvent(id=event.id, source=event.source, jobs=[*map(EventDecisionView.of, next(decisions))])
            for event in read
        ]
    )
