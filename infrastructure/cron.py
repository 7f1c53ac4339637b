"""Cron by croniter, on naive local time only and within the bounds where it is right."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Final

from croniter import croniter

from domain.timing.cron import CronExpression
from domain.timing.cron_days import DayRule
from domain.timing.ports import CronCalendar

_LAST_YEAR: Final = 9989
"""croniter fails when it walks out of the calendar. Its longest walk is 8 years, between two 29ths of February."""
_SECOND: Final = timedelta(seconds=1)


class CroniterCalendar(CronCalendar):
    """Gives croniter explicit lists of numbers, because it reads several spellings differently from us (`1-1` as `*`).

    Where only one of the two day fields restricts, by plain numbers, croniter finds date and time. For everything else
    (both day fields, `L`, `W`, `#`) it is wrong or slow: there the expression names the days and croniter the times.
    """

    def next_local(self, expression: CronExpression, after: datetime) -> datetime | None:
        if expression.never or after.year >= _LAST_YEAR:
            return None
        iterator, finds_days = _iterator(expression)
        start = after.replace(microsecond=0)  # fires are at whole seconds, so nothing is lost; floats stay exact
        if finds_days:
            return _next(iterator, start)
        for day in _matching_dates(expression, start.date()):
            found = _next(iterator, max(start, datetime.combine(day, time.min) - _SECOND))
            if found.date() == day:
                return found
        return None


def _next(iterator: croniter, start: datetime) -> datetime:
    # An iterator keeps its position in itself; a copy (3 µs, against 80 to build one) makes it safe to share.
    found: datetime = copy.copy(iterator).get_next(datetime, start_time=start)
    return found


@lru_cache(maxsize=4096)
def _iterator(expression: CronExpression) -> tuple[croniter, bool]:
    """A croniter for the expression, and whether it finds the days as well or only the times of day."""
    days = _plain_days(expression.days)
    day, weekday = days or ("*", "*")
    month = _listed(expression.months) if days else "*"
    times = f"{_listed(expression.seconds)} {_listed(expression.minutes)} {_listed(expression.hours)}"
    text = f"{times} {day} {month} {weekday}"
    return croniter(text, 0.0, second_at_beginning=True), days is not None


def _plain_days(rule: DayRule) -> tuple[str, str] | None:
    """croniter's day-of-month and day-of-week, if at most one of them restricts and plainly."""
    of_month, of_week = rule.of_month, rule.of_week
    if not (rule.both and of_month.plain and of_week.plain and (of_month.every or of_week.every)):
        return None
    return (
        "*" if of_month.every else _listed(sorted(of_month.days)),
        "*" if of_week.every else _listed(sorted(of_week.weekdays)),
    )


def _listed(values: Sequence[int]) -> str:
    return ",".join(map(str, values))


def _matching_dates(expression: CronExpression, first: date) -> Iterator[date]:
    """The dates the expression's day rule allows, from `first` on."""
    for year in range(first.year, _LAST_YEAR + 1):
        for month in range(first.month if year == first.year else 1, 13):
            for day in expression.matching_days(year, month):
                if (found := date(year, month, day)) >= first:
                    yield found
