"""The types of all events, whichever context tells them."""

from __future__ import annotations

from collections.abc import Iterator

from domain.scheduling import events
from domain.scheduling.settlement import EVENT_OF
from domain.shared.events import DomainEvent


def event_types() -> frozenset[str]:
    """Their public names."""
    told = {kind.type for kind in _below(DomainEvent) if "type" in vars(kind)}
    return frozenset(told | set(EVENT_OF.values()) | {events.TaskCreated.type})


def _below(kind: type[DomainEvent]) -> Iterator[type[DomainEvent]]:
    for narrower in kind.__subclasses__():
        yield narrower
        yield from _below(narrower)
