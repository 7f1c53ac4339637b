"""What notifications refuse, each with its facts and a stable code."""

from __future__ import annotations

from domain.shared.errors import Conflict, NotFound


class SinkNotFound(NotFound):
    """Events are carried to no sink of that name."""

    code = "SINK_NOT_FOUND"

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no sink {name!r}. GET /api/v1/sinks lists them.")


class EventsAgedOut(Conflict):
    """The events after `Last-Event-ID` are not kept any more: begin anew, and look at what you may have missed."""

    code = "EVENTS_AGED_OUT"

    def __init__(self, last: str) -> None:
        super().__init__(
            f"What followed event {last!r} is not kept any more. Connect without Last-Event-ID, and read anew what you"
            " show."
        )
