"""What a calendar takes out of the times of a trigger: dates, weekdays, ranges, holidays, and what a cron names."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Final

from domain.shared.errors import FieldProblem
from domain.timing.cron import CronExpression
from domain.timing.errors import InvalidTrigger
from domain.timing.local_time import DstRule, Gap, Overlap, instants
from domain.timing.ports import Calendars, HolidayCalendar
from domain.timing.time_zone import TimeZone

MOST_DATES: Final = 1000
MOST_OTHERS: Final = 50
"""Ranges, holiday calendars and expressions, of each kind."""

MOST_STEPS: Final = 1000
"""Times and days one search passes over: enough for two years without an open day, and done within milliseconds."""

LONGEST_SEARCH: Final = timedelta(days=50 * 366)
"""A calendar that takes out all times of so long takes out all."""

END_OF_TIME: Final = datetime(9999, 12, 30, tzinfo=UTC)
"""What is closed beyond it is closed for ever: not every zone can tell the days that come after it."""

_DAY: Final = timedelta(days=1)
_EARLIEST: Final = DstRule(Gap.SHIFT, Overlap.FIRST)
_ALL_HOURS, _ALL_SIXTY = tuple(range(24)), tuple(range(60))


class Weekday(StrEnum):
    """In the order of `date.weekday`."""

    MON = "MON"
    TUE = "TUE"
    WED = "WED"
    THU = "THU"
    FRI = "FRI"
    SAT = "SAT"
    SUN = "SUN"


_WEEKDAYS: Final = tuple(Weekday)


@dataclass(frozen=True, slots=True)
class DateRange:
    """Days from the first to the last, both included. Raises `InvalidTrigger`."""

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.last < self.first:
            detail = f"to ({self.last}) must not be before from ({self.first})."
            raise InvalidTrigger(FieldProblem("/to", "OUT_OF_ORDER", detail))


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Why a time is taken out, and the first instant from which that reason no longer holds."""

    reason: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ExclusionCalendar:
    """Takes out whole days on the clocks of `zone`, and the minutes or seconds that the expressions name.

    An expression names whole minutes if its second is 0. Raises `InvalidTrigger` with all problems.
    """

    zone: TimeZone
    dates: tuple[date, ...] = ()
    weekdays: tuple[Weekday, ...] = ()
    ranges: tuple[DateRange, ...] = ()
    holidays: tuple[HolidayCalendar, ...] = ()
    expressions: tuple[CronExpression, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "dates", tuple(sorted(set(self.dates))))
        object.__setattr__(self, "weekdays", tuple(day for day in _WEEKDAYS if day in self.weekdays))
        counts = (
            ("dates", len(self.dates), MOST_DATES),
            ("ranges", len(self.ranges), MOST_OTHERS),
            ("holidays", len(self.holidays), MOST_OTHERS),
            ("crons", len(self.expressions), MOST_OTHERS),
        )
        problems = [
            FieldProblem(f"/exclude/{name}", "TOO_MANY", f"{name} has {count} entries; allowed are up to {most}.")
            for name, count, most in counts
            if count > most
        ]
        if len(self.weekdays) == len(_WEEKDAYS):
            detail = "weekdays are all seven, so that no day is left. Leave one out, or pause the job."
            problems.append(FieldProblem("/exclude/weekdays", "EXCLUDES_EVERYTHING", detail))
        if not any((self.dates, self.weekdays, self.ranges, self.holidays, self.expressions)):
            detail = (
                "exclude needs at least one of dates, weekdays, ranges, holidays, crons; or leave the calendar out."
            )
            problems.append(FieldProblem("/exclude", "MISSING", detail))
        if problems:
            raise InvalidTrigger(*problems)

    def exclusion(self, instant: datetime, calendars: Calendars) -> Exclusion | None:
        """Why this instant is taken out; None if it is open."""
        local = self.zone.local(instant)
        found = self._of_day(local.date(), calendars)
        if found is not None:
            reason, last = found
            return Exclusion(reason, self._start_after(last))
        for expression in self.expressions:
            if (span := _named_span(expression, local)) is not None:
                reason = f'cron "{expression}" ({self.zone})'
                return Exclusion(reason, self._end_of(span, instant, local))
        return None

    def opens_at(self, instant: datetime, calendars: Calendars) -> datetime:
        """The first instant from this one on that is open. Raises `InvalidTrigger` if the search is too long."""
        for _ in range(MOST_STEPS):
            excluded = self.exclusion(instant, calendars)
            if excluded is None or instant >= END_OF_TIME:
                return instant
            instant = excluded.until
        raise too_much(instant)

    def check(self, calendars: Calendars) -> None:
        """Raises `InvalidTrigger` for holiday calendars that are not known here."""
        for place, calendar in enumerate(self.holidays):
            try:
                calendars.holidays.check(calendar)
            except InvalidTrigger as refusal:
                raise refusal.under(f"/exclude/holidays/{place}") from None

    def _of_day(self, day: date, calendars: Calendars) -> tuple[str, date] | None:
        """Why the day is taken out, and the last day for which that is known at once."""
        if day in self.dates:
            return f"date {day}", day
        for span in self.ranges:
            if span.first <= day <= span.last:
                return f"range {span.first} to {span.last}", span.last
        if (weekday := _WEEKDAYS[day.weekday()]) in self.weekdays:
            return f"weekday {weekday}", day
        for calendar in self.holidays:
            if (name := calendars.holidays.holiday(calendar, day)) is not None:
                return f"holiday {calendar}: {name}", day
        return None

    def _start_after(self, day: date) -> datetime:
        """The beginning of the next day."""
        return END_OF_TIME if day >= END_OF_TIME.date() else self._start_of(day + _DAY)

    def _start_of(self, day: date) -> datetime:
        return instants(datetime.combine(day, time.min), self.zone, _EARLIEST)[0]

    def _end_of(self, span: timedelta, instant: datetime, local: datetime) -> datetime:
        """When the day, hour, minute or second that holds the instant is over."""
        if span == _DAY:
            return self._start_after(local.date())
        while True:
            passed = (local - datetime.combine(local.date(), time.min)) % span
            end = instant.astimezone(UTC) + (span - passed)
            if span <= timedelta(minutes=1) or self.zone.local(end) == local + (span - passed):
                return end
            span = timedelta(minutes=1)  # clocks are changed before the hour is over


def too_much(from_: datetime) -> InvalidTrigger:
    """The calendar leaves nothing over for a very long time."""
    detail = f"The calendar takes out every time in a row, up to {from_.isoformat()} at least. Exclude less."
    return InvalidTrigger(FieldProblem("/calendar", "EXCLUDES_EVERYTHING", detail))


def _named_span(expression: CronExpression, local: datetime) -> timedelta | None:
    """How long a part of time the expression takes out around this one: what it names, as large as can be told."""
    whole_minutes = expression.seconds in ((0,), _ALL_SIXTY)
    named = local.replace(microsecond=0, second=expression.seconds[0] if whole_minutes else local.second)
    if expression.never or not expression.matches(named):
        return None
    if not whole_minutes:
        return timedelta(seconds=1)
    if expression.minutes != _ALL_SIXTY:
        return timedelta(minutes=1)
    return _DAY if expression.hours == _ALL_HOURS else timedelta(hours=1)
