"""CRON as JSON."""

from __future__ import annotations

from functools import lru_cache

from application.scheduling.triggers.bounded import BoundedDocument, DstDocument, limits_of
from domain.timing.cron import CronExpression, DayMatch
from domain.timing.time_zone import TimeZone
from domain.timing.triggers.cron import CronTrigger


class CronDocument(BoundedDocument, frozen=True, kw_only=True, tag_field="type", tag="CRON"):
    """`expression` has 5 fields, or 6 with seconds first; `timeZone` is an IANA name."""

    expression: str
    time_zone: str = "UTC"
    day_match: DayMatch = DayMatch.VIXIE
    dst: DstDocument = DstDocument()

    def trigger(self) -> CronTrigger:
        return CronTrigger(
            expression=_expression(self.expression, self.day_match),  # these two know their pointers
            zone=TimeZone(self.time_zone),
            dst=self.dst.rule(),
            **self.limits(self.time_zone),
        )

    @classmethod
    def of(cls, trigger: CronTrigger) -> CronDocument:
        """The trigger as JSON."""
        return cls(
            expression=trigger.expression.text,
            time_zone=trigger.zone.name,
            day_match=trigger.expression.day_match,
            dst=DstDocument.of(trigger.dst),
            **limits_of(trigger),
        )


@lru_cache(maxsize=4096)
def _expression(text: str, day_match: DayMatch) -> CronExpression:
    return CronExpression.parse(text, day_match)
