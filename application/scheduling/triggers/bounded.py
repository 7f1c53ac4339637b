"""The limits that all triggers have."""

from __future__ import annotations

from abc import abstractmethod
from datetime import datetime, timedelta
from functools import partial
from typing import TypedDict

from application.scheduling.documents import Document, at, duration_or_none, instant_or_none, text_or_none
from application.scheduling.triggers.calendar import CalendarDocument
from domain.timing.calendar import ExclusionCalendar
from domain.timing.local_time import DstRule, Gap, Overlap
from domain.timing.trigger import NO_TIME, Trigger


class DstDocument(Document, frozen=True, kw_only=True):
    """What happens at the two changes of the clock."""

    gap: Gap = Gap.AUTO
    overlap: Overlap = Overlap.AUTO

    def rule(self) -> DstRule:
        """The domain's."""
        return DstRule(gap=self.gap, overlap=self.overlap)

    @classmethod
    def of(cls, rule: DstRule) -> DstDocument:
        """The rule as JSON."""
        return cls(gap=rule.gap, overlap=rule.overlap)


class Limits(TypedDict):
    """What every trigger of the domain takes."""

    start_at: datetime | None
    end_at: datetime | None
    max_executions: int | None
    jitter: timedelta
    window: timedelta
    calendar: ExclusionCalendar | None


class LimitTexts(TypedDict):
    """What every document of a trigger takes."""

    start_at: datetime | None
    end_at: datetime | None
    max_executions: int | None
    jitter: str | None
    window: str | None
    calendar: CalendarDocument | None


class BoundedDocument(Document, frozen=True, kw_only=True):
    """Times lie from `startAt` to `endAt`, both included; fires start up to `jitter` later, or within a `window`."""

    start_at: datetime | None = None
    end_at: datetime | None = None
    max_executions: int | None = None
    jitter: str | None = None
    window: str | None = None
    calendar: CalendarDocument | None = None

    @abstractmethod
    def trigger(self) -> Trigger:
        """The domain's. Raises `Invalid`; pointers are relative to the document."""

    def limits(self, zone: str = "UTC") -> Limits:
        """What is common to all triggers; `zone`: whose days those of a calendar are. Raises `Invalid`."""
        given = self.calendar
        return Limits(
            start_at=instant_or_none(self.start_at, "/startAt"),
            end_at=instant_or_none(self.end_at, "/endAt"),
            max_executions=self.max_executions,
            jitter=duration_or_none(self.jitter, "/jitter") or NO_TIME,
            window=duration_or_none(self.window, "/window") or NO_TIME,
            calendar=None if given is None else at("/calendar", partial(given.calendar, zone)),
        )


def limits_of(trigger: Trigger) -> LimitTexts:
    """The limits of a trigger as JSON."""
    return LimitTexts(
        start_at=trigger.start_at,
        end_at=trigger.end_at,
        max_executions=trigger.max_executions,
        jitter=text_or_none(trigger.jitter),
        window=text_or_none(trigger.window),
        calendar=CalendarDocument.of(trigger.calendar),
    )
