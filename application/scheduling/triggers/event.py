"""EVENT as JSON."""

from __future__ import annotations

from application.scheduling.triggers.bounded import BoundedDocument, limits_of
from domain.timing.triggers.event import EventTrigger


class EventDocument(BoundedDocument, frozen=True, kw_only=True, tag_field="type", tag="EVENT"):
    """Fires for each event of `eventType`, from `source` if given; `*` at their end stands for any ending.

    `filter` is an expression in CEL about the whole `event`, for example `event.data.amount > 100`.
    """

    event_type: str
    source: str | None = None
    filter: str | None = None

    def trigger(self) -> EventTrigger:
        return EventTrigger(event_type=self.event_type, source=self.source, filter=self.filter, **self.limits())

    @classmethod
    def of(cls, trigger: EventTrigger) -> EventDocument:
        """The trigger as JSON."""
        return cls(event_type=trigger.event_type, source=trigger.source, filter=trigger.filter, **limits_of(trigger))
