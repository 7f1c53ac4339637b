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


class WebhookNotFound(NotFound):
    """The tenant has no webhook of that name."""

    code = "WEBHOOK_NOT_FOUND"

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no webhook {name!r}. GET /api/v1/webhooks lists them.")


class WebhookNameTaken(Conflict):
    """The tenant has a webhook of that name already."""

    code = "WEBHOOK_NAME_TAKEN"

    def __init__(self, name: str) -> None:
        super().__init__(f"There is a webhook {name!r} already: choose another name, or delete that one before.")


class TooManyWebhooks(Conflict):
    """A tenant has only so many."""

    code = "TOO_MANY_WEBHOOKS"

    def __init__(self, most: int) -> None:
        super().__init__(f"There are {most} webhooks already, which is the most. Delete one before you make another.")
