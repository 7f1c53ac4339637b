"""FIXED_RATE as JSON."""

from __future__ import annotations

from datetime import datetime

from application.scheduling.documents import duration, duration_or_none, instant_or_none, text_or_none
from application.scheduling.triggers.bounded import BoundedDocument, limits_of
from domain.timing.duration import format_duration
from domain.timing.trigger import NO_TIME
from domain.timing.triggers.fixed_rate import FixedRateTrigger


class FixedRateDocument(BoundedDocument, frozen=True, kw_only=True, tag_field="type", tag="FIXED_RATE"):
    """Fires at `anchor + n * every`. Without `anchor` the first time is `initialDelay` after the activation."""

    every: str
    anchor: datetime | None = None
    initial_delay: str | None = None

    def trigger(self) -> FixedRateTrigger:
        return FixedRateTrigger(
            every=duration(self.every, "/every"),
            anchor=instant_or_none(self.anchor, "/anchor"),
            initial_delay=duration_or_none(self.initial_delay, "/initialDelay") or NO_TIME,
            **self.limits(),
        )

    @classmethod
    def of(cls, trigger: FixedRateTrigger) -> FixedRateDocument:
        """The trigger as JSON."""
        return cls(
            every=format_duration(trigger.every),
            anchor=trigger.anchor,
            initial_delay=text_or_none(trigger.initial_delay),
            **limits_of(trigger),
        )
