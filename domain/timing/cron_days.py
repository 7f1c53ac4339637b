"""The day rules of a cron expression: which days of a month its two day fields allow."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from domain.timing.cron_fields import DAY_OF_MONTH, DAY_OF_WEEK, Field, Item

_LAST_DAY: Final = re.compile(r"l(?:-(?P<before>\d+))?", re.ASCII)
_NEAREST: Final = re.compile(r"(?P<day>\d+|l)w", re.ASCII)
_LAST_WEEKDAY: Final = re.compile(r"(?P<day>\w+)l", re.ASCII)
_NTH: Final = re.compile(r"(?P<day>\w+)#(?P<nth>\d+)", re.ASCII)

_SATURDAY, _SUNDAY = 5, 6  # as `calendar` counts, where Monday is 0


@dataclass(frozen=True, slots=True)
class DaysOfMonth:
    """The day-of-month field: plain days, days counted back from the last one (`L` is 0), and nearest weekdays.

    `nW` is the Monday-to-Friday day nearest to day n within the month; a month without a day n has none (as in Spring).
    """

    days: frozenset[int] = frozenset()
    before_last: frozenset[int] = frozenset()
    nearest: frozenset[int] = frozenset()
    last_weekday: bool = False

    @property
    def plain(self) -> bool:
        """Nothing but numbers."""
        return not (self.before_last or self.nearest or self.last_weekday)

    @property
    def every(self) -> bool:
        """No day of any month is left out."""
        return len(self.days) == 31

    def in_month(self, first_weekday: int, length: int) -> set[int]:
        """The days 1..length of a month whose first day is `first_weekday` (Monday 0)."""
        days = {day for day in self.days if day <= length}
        days.update(length - before for before in self.before_last if before < length)
        days.update(_nearest_weekday(day, first_weekday, length) for day in self.nearest if day <= length)
        if self.last_weekday:
            days.add(_nearest_weekday(length, first_weekday, length))
        return days


@dataclass(frozen=True, slots=True)
class DaysOfWeek:
    """The day-of-week field, Sunday 0: plain weekdays, last ones of a month (`5L`), and nth ones (`5#2`)."""

    weekdays: frozenset[int] = frozenset()
    last: frozenset[int] = frozenset()
    nth: frozenset[tuple[int, int]] = frozenset()

    @property
    def plain(self) -> bool:
        """Nothing but weekdays."""
        return not (self.last or self.nth)

    @property
    def every(self) -> bool:
        """No weekday is left out."""
        return len(self.weekdays) == 7

    def in_month(self, first_weekday: int, length: int) -> set[int]:
        """The days 1..length of a month whose first day is `first_weekday` (Monday 0)."""
        days = set[int]()
        for day in range(1, length + 1):
            weekday = (first_weekday + day) % 7
            last_of_its_kind = day + 7 > length
            nth_of_its_kind = (day + 6) // 7
            if (
                weekday in self.weekdays
                or (last_of_its_kind and weekday in self.last)
                or (weekday, nth_of_its_kind) in self.nth
            ):
                days.add(day)
        return days


@dataclass(frozen=True, slots=True)
class DayRule:
    """Both day fields together: a day must satisfy `both`, or either."""

    of_month: DaysOfMonth
    of_week: DaysOfWeek
    both: bool

    def in_month(self, first_weekday: int, length: int) -> tuple[int, ...]:
        """The allowed days, ascending. All that matters of a month is its first weekday and length: 28 kinds exist."""
        return _days(self, first_weekday, length)


def read_days_of_month(field_text: Item) -> DaysOfMonth:
    """Read the day-of-month field. Raises `InvalidCron`."""
    days, before_last, nearest, last_weekday = set[int](), set[int](), set[int](), False
    for item in _elements(DAY_OF_MONTH, field_text):
        if match := _LAST_DAY.fullmatch(item.text):
            before = int(match["before"] or 0)
            if before > 30:
                raise DAY_OF_MONTH.problem("OUT_OF_RANGE", item, 2, f"L-{before} is out of range 0-30")
            before_last.add(before)
        elif match := _NEAREST.fullmatch(item.text):
            if match["day"] == "l":
                last_weekday = True
            else:
                nearest.add(DAY_OF_MONTH.value(item, match["day"], 0))
        else:
            days.update(DAY_OF_MONTH.values(item))
    return DaysOfMonth(frozenset(days), frozenset(before_last), frozenset(nearest), last_weekday)


def read_days_of_week(field_text: Item) -> DaysOfWeek:
    """Read the day-of-week field. Raises `InvalidCron`."""
    weekdays, last, nth = set[int](), set[int](), set[tuple[int, int]]()
    for item in _elements(DAY_OF_WEEK, field_text):
        if match := _NTH.fullmatch(item.text):
            weekday, which = DAY_OF_WEEK.value(item, match["day"], 0) % 7, int(match["nth"])
            if not 1 <= which <= 5:
                raise DAY_OF_WEEK.problem("OUT_OF_RANGE", item, match.start("nth"), f"#{which} is out of range 1-5")
            nth.add((weekday, which))
        elif match := _LAST_WEEKDAY.fullmatch(item.text):
            last.add(DAY_OF_WEEK.value(item, match["day"], 0) % 7)
        else:
            weekdays.update(value % 7 for value in DAY_OF_WEEK.values(item))
    return DaysOfWeek(frozenset(weekdays), frozenset(last), frozenset(nth))


def _elements(field: Field, field_text: Item) -> list[Item]:
    if field_text.text == "?":
        return [Item("*", field_text.offset)]
    return list(field.elements(field_text))


def _nearest_weekday(day: int, first_weekday: int, length: int) -> int:
    weekday = (first_weekday + day - 1) % 7
    if weekday == _SATURDAY:
        return day - 1 if day > 1 else day + 2
    if weekday == _SUNDAY:
        return day + 1 if day < length else day - 2
    return day


@lru_cache(maxsize=8192)
def _days(rule: DayRule, first_weekday: int, length: int) -> tuple[int, ...]:
    of_month, of_week = rule.of_month.in_month(first_weekday, length), rule.of_week.in_month(first_weekday, length)
    return tuple(sorted(of_month & of_week if rule.both else of_month | of_week))
