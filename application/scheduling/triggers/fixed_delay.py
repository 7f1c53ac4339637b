"""FIXED_DELAY as JSON."""

from __future__ import annotations

from application.scheduling.documents import duration, duration_or_none, text_or_none
from application.scheduling.triggers.bounded import BoundedDocument, limits_of
from domain.timing.duration import format_duration
from domain.timing.trigger import NO_TIME
from domain.timing.triggers.fixed_delay import FixedDelayTrigger


class FixedDelayDocument(BoundedDocument, frozen=True, kw_only=True, tag_field="type", tag="FIXED_DELAY"):
    """Fires `delay` after the end of the last run; the first time `initialDelay` after the activation."""

    delay: str
    initial_delay: str | None = None

    def trigger(self) -> FixedDelayTrigger:
        return FixedDelayTrigger(
            delay=duration(self.delay, "/delay"),
            initial_delay=duration_or_none(self.initial_delay, "/initialDelay") or NO_TIME,
            **self.limits(),
        )

    @classmethod
    def of(cls, trigger: FixedDelayTrigger) -> FixedDelayDocument:
        """The trigger as JSON."""
        return cls(
            delay=format_duration(trigger.delay),
            initial_delay=text_or_none(trigger.initial_delay),
            **limits_of(trigger),
        )
