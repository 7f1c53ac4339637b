"""Fires when an event comes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from domain.shared.errors import FieldProblem
from domain.shared.json_value import JsonText
from domain.timing.event_pattern import ANY, EventPattern, pattern_problems
from domain.timing.ports import Calendars
from domain.timing.trigger import Trigger, TriggerState


@dataclass(frozen=True, slots=True, kw_only=True)
class EventTrigger(Trigger):
    """Fires once for each event of a type, and of a source if one is given; both may end with `*`.

    With a `filter`, an expression, only for those for which it answers true.
    """

    kind: ClassVar[str] = "EVENT"

    event_type: str
    source: str | None = None
    filter: str | None = None

    @property
    def by_clock(self) -> bool:
        return False

    @property
    def brings_event(self) -> bool:
        return True

    @property
    def patterns(self) -> tuple[EventPattern, ...]:
        return (EventPattern(self.event_type, ANY if self.source is None else self.source),)

    def wants(self, event_type: str, source: str, document: JsonText, at: datetime, calendars: Calendars) -> bool:
        if not self.accepts(event_type, source, at):
            return False
        return self.filter is None or calendars.filters.matches(self.filter, document)

    def check_known(self, calendars: Calendars) -> None:
        Trigger.check_known(self, calendars)
        if self.filter is not None:
            calendars.filters.check(self.filter)

    def _next_nominal(self, after: datetime, state: TriggerState, calendars: Calendars) -> datetime | None:
        return None

    def _problems(self) -> Sequence[FieldProblem]:
        problems = pattern_problems("eventType", self.event_type)
        return problems if self.source is None else [*problems, *pattern_problems("source", self.source)]
