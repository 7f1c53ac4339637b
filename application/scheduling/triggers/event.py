"""EVENT as JSON."""

from __future__ import annotations

from application.scheduling.triggers.bounded import BoundedDocument, limits_of
from domain.shared.errors import FieldProblem
from domain.timing.errors import InvalidTrigger
from domain.timing.triggers.event import EventTrigger


class EventDocument(BoundedDocument, frozen=True, kw_only=True, tag_field="type", tag="EVENT"):
    """Fires for each event of `eventType`, from `source` if given; `*` at their end stands for any ending."""

    event_type: str
    source: str | None = None
    filter: str | None = None

    def trigger(self) -> EventTrigger:
        if self.filter is not None:
            detail = "Filter expressions are not supported yet. Leave filter out; the task sees the whole event."
            raise InvalidTrigger(FieldProblem("/filter", "NOT_SUPPORTED", detail))
        return EventTrigger(event_type=self.event_type, source=self.source, **self.limits())

    @classmethod
    def of(cls, trigger: EventTrigger) -> EventDocument:
        """The trigger as JSON."""
        return cls(event_type=trigger.event_type, source=trigger.source, **limits_of(trigger))
