"""How it is written in a job."""

from __future__ import annotations

from datetime import time

from application.scheduling.trigger_types import TriggerType
from application.scheduling.triggers.bounded import BoundedDocument, limits_of
from domain.timing.time_zone import TimeZone
from last_workday.trigger import LastWorkdayTrigger


class LastWorkdayDocument(BoundedDocument, frozen=True, kw_only=True, tag_field="type", tag="LAST_WORKDAY"):
    """Fires at `at` in `timeZone`, `daysBefore` workdays before the last one of each month."""

    at: time
    time_zone: str = "UTC"
    days_before: int = 0

    def trigger(self) -> LastWorkdayTrigger:
        """The domain's."""
        return LastWorkdayTrigger(
            at=self.at,
            zone=TimeZone(self.time_zone),
            days_before=self.days_before,
            **self.limits(self.time_zone),
        )

    @classmethod
    def of(cls, trigger: LastWorkdayTrigger) -> LastWorkdayDocument:
        """The trigger as JSON."""
        return cls(at=trigger.at, time_zone=trigger.zone.name, days_before=trigger.days_before, **limits_of(trigger))


LAST_WORKDAY = TriggerType(LastWorkdayTrigger, LastWorkdayDocument)
