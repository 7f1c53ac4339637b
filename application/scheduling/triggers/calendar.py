"""Calendars of triggers as JSON."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import partial

import msgspec

from application.scheduling.documents import Document, at
from domain.shared.errors import Invalid
from domain.timing.calendar import DateRange, ExclusionCalendar, Weekday
from domain.timing.cron import CronExpression
from domain.timing.ports import HolidayCalendar
from domain.timing.time_zone import TimeZone


class DateRangeDocument(Document, frozen=True, kw_only=True):
    """Days, both included."""

    first: date = msgspec.field(name="from")
    last: date = msgspec.field(name="to")


class HolidaysDocument(Document, frozen=True, kw_only=True):
    """The public holidays of a country (ISO 3166) or of one part of it."""

    country: str
    subdivision: str | None = None


class ExclusionsDocument(Document, frozen=True, kw_only=True):
    """An expression excludes each minute that it names; if it has seconds other than 0, each second."""

    dates: list[date] = msgspec.field(default_factory=list)
    weekdays: list[Weekday] = msgspec.field(default_factory=list)
    ranges: list[DateRangeDocument] = msgspec.field(default_factory=list)
    holidays: list[HolidaysDocument] = msgspec.field(default_factory=list)
    crons: list[str] = msgspec.field(default_factory=list)


class CalendarDocument(Document, frozen=True, kw_only=True):
    """Times that do not fire, on the clocks of `timeZone`: that of the trigger if it has one, or UTC."""

    exclude: ExclusionsDocument
    time_zone: str | None = None

    def calendar(self, zone: str) -> ExclusionCalendar:
        """The domain's. Raises `Invalid`."""
        excluded = self.exclude
        return ExclusionCalendar(
            zone=TimeZone(self.time_zone or zone),
            dates=tuple(excluded.dates),
            weekdays=tuple(excluded.weekdays),
            ranges=tuple(
                at(f"/exclude/ranges/{place}", partial(DateRange, span.first, span.last))
                for place, span in enumerate(excluded.ranges)
            ),
            holidays=tuple(HolidayCalendar(each.country, each.subdivision) for each in excluded.holidays),
            expressions=tuple(_expression(text, place) for place, text in enumerate(excluded.crons)),
        )

    @classmethod
    def of(cls, calendar: ExclusionCalendar | None) -> CalendarDocument | None:
        """The calendar as JSON."""
        if calendar is None:
            return None
        exclude = ExclusionsDocument(
            dates=list(calendar.dates),
            weekdays=list(calendar.weekdays),
            ranges=[DateRangeDocument(first=span.first, last=span.last) for span in calendar.ranges],
            holidays=[
                HolidaysDocument(country=each.country, subdivision=each.subdivision) for each in calendar.holidays
            ],
            crons=[expression.text for expression in calendar.expressions],
        )
        return cls(exclude=exclude, time_zone=calendar.zone.name)


def _expression(text: str, place: int) -> CronExpression:
    try:
        return CronExpression.parse(text)
    except Invalid as refusal:
        raise Invalid(*(replace(problem, pointer=f"/exclude/crons/{place}") for problem in refusal.problems)) from None
