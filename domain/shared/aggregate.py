"""The base of consistency boundaries: changed by their own methods, saved as a whole."""

from __future__ import annotations

from dataclasses import dataclass, field

from domain.shared.events import DomainEvent


@dataclass(eq=False, slots=True, kw_only=True)
class Aggregate:
    """`version` counts the saved states; 0 = never saved. Events wait here until the unit of work takes them."""

    version: int = 0
    _events: list[DomainEvent] = field(default_factory=list, init=False, repr=False)

    def _record(self, event: DomainEvent) -> None:
        self._events.append(event)

    def release_events(self) -> list[DomainEvent]:
        """The events recorded since the last call, oldest first."""
        events, self._events = self._events, []
        return events
