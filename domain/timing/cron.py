"""A cron expression: the local wall-clock times that five or six fields name."""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Final, TypeVar

from domain.shared.errors import FieldProblem
from domain.timing.cron_days import DayRule, DaysOfMonth, DaysOfWeek, read_days_of_month, read_days_of_week
from domain.timing.cron_fields import HOUR, MINUTE, MONTH, NEVER, SECOND, Item
from domain.timing.errors import InvalidCron

MAX_LENGTH: Final = 200
MACROS: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_WORD: Final = re.compile(r"\S+", re.ASCII)
_LENGTHS: Final = {month: (28, 29) if month == 2 else (calendar.monthrange(2001, month)[1],) for month in range(1, 13)}

T = TypeVar("T")


class DayMatch(StrEnum):
    """How day-of-month and day-of-week combine."""

    VIXIE = "VIXIE"
    """Either is enough, but both must match if one of them begins with `*` (or is `?`): Vixie's and Debian's cron."""
    AND = "AND"
    """Both must match, as in Spring."""
    OR = "OR"
    """Either is enough; a field that is `*` or `?`, or begins so and leaves no day out, is left aside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CronExpression:
    """`[second] minute hour day-of-month month day-of-week`, read. Made by `parse`; equal if text and day rule are.

    Field values are ascending. All are empty where the field says `-`: then the expression `never` fires.
    """

    text: str
    day_match: DayMatch
    seconds: tuple[int, ...] = field(compare=False, repr=False)
    minutes: tuple[int, ...] = field(compare=False, repr=False)
    hours: tuple[int, ...] = field(compare=False, repr=False)
    months: tuple[int, ...] = field(compare=False, repr=False)
    days: DayRule = field(compare=False, repr=False)
    never: bool = field(compare=False, repr=False)
    has_wildcard_time: bool = field(compare=False, repr=False)
    """Second, minute or hour begins with `*`: the job follows elapsed time when clocks change (Debian cron's rule)."""

    @staticmethod
    def parse(text: str, day_match: DayMatch = DayMatch.VIXIE) -> CronExpression:
        """The expression that `text` means: 5 fields, 6 with the second first, one of `MACROS`, or `-` for "never".

        Raises `InvalidCron` with the problems of all fields, also for an expression other than `-` that can never fire.
        """
        return _parse(text, day_match)

    def matching_days(self, year: int, month: int) -> tuple[int, ...]:
        """The days of that month on which the expression fires, ascending."""
        if self.never or month not in self.months:
            return ()
        return self.days.in_month(*calendar.monthrange(year, month))

    def matches(self, local: datetime) -> bool:
        """Whether the expression names this wall-clock time, to the microsecond; a zone is not looked at."""
        return (
            local.microsecond == 0
            and local.second in self.seconds
            and local.minute in self.minutes
            and local.hour in self.hours
            and local.day in self.matching_days(local.year, local.month)
        )

    def __str__(self) -> str:
        return self.text


@lru_cache(maxsize=4096)
def _parse(text: str, day_match: DayMatch) -> CronExpression:
    second, minute, hour, day, month, weekday = items = _split(text)
    problems = list[FieldProblem]()

    def read(reader: Callable[[Item], T], item: Item, empty: T) -> T:
        try:
            return reader(item)
        except InvalidCron as refusal:
            problems.extend(refusal.problems)
            return empty

    unread = tuple[int, ...]()
    seconds = read(SECOND.read, second, unread)
    minutes = read(MINUTE.read, minute, unread)
    hours = read(HOUR.read, hour, unread)
    of_month = read(read_days_of_month, day, DaysOfMonth())
    months = read(MONTH.read, month, unread)
    of_week = read(read_days_of_week, weekday, DaysOfWeek())
    if problems:
        raise InvalidCron(*problems)

    days = DayRule(of_month, of_week, both=_both_must_match(day_match, day, of_month, weekday, of_week))
    never = any(item.text == NEVER for item in items)
    if not never and not _can_fire(months, days):
        joined = "and" if days.both else "or"
        what = f'no day of month "{month.text}" is day-of-month "{day.text}" {joined} day-of-week "{weekday.text}"'
        raise _refusal("NEVER_FIRES", f"The expression can never fire: {what}.", day.offset)
    return CronExpression(
        text=text.strip(),
        day_match=day_match,
        seconds=seconds,
        minutes=minutes,
        hours=hours,
        months=months,
        days=days,
        never=never,
        has_wildcard_time=any(item.text.startswith("*") for item in (second, minute, hour)),
    )


def _split(text: str) -> list[Item]:
    """The six fields in their order, in lower case, with their offsets in `text`."""
    allowed = "five fields (minute hour day-of-month month day-of-week), six with the second first"
    if len(text) > MAX_LENGTH:
        raise _refusal("TOO_LONG", f"A cron expression has at most {MAX_LENGTH} characters.", MAX_LENGTH)
    for offset, character in enumerate(text):
        if not character.isascii():
            raise _refusal("SYNTAX", f"The character {character!a} has no place in a cron expression.", offset)
    words = [Item(match[0].lower(), match.start()) for match in _WORD.finditer(text)]
    if len(words) == 1 and words[0].text in MACROS:
        words = [Item(word, words[0].offset) for word in MACROS[words[0].text].split()]
    elif len(words) == 1 and words[0].text == NEVER:
        words *= 6
    elif words and words[0].text.startswith("@"):
        what = f'"{text.strip()}" is not known; allowed are {", ".join(MACROS)}, or {allowed}.'
        raise _refusal("UNKNOWN_MACRO", what, words[0].offset)
    if len(words) == 5:
        words.insert(0, Item("0", 0))
    if len(words) != 6:
        offset = words[6].offset if len(words) > 6 else len(text)
        raise _refusal("FIELD_COUNT", f"A cron expression has {allowed}; this one has {len(words)}.", offset)
    return words


def _both_must_match(day_match: DayMatch, day: Item, of_month: DaysOfMonth, weekday: Item, of_week: DaysOfWeek) -> bool:
    any_day, any_weekday = day.text[0] in "*?", weekday.text[0] in "*?"
    if day_match is DayMatch.VIXIE:
        return any_day or any_weekday
    if day_match is DayMatch.OR:
        return (any_day and of_month.every) or (any_weekday and of_week.every)
    return True


def _can_fire(months: tuple[int, ...], days: DayRule) -> bool:
    # In the 400 years of the Gregorian calendar's cycle every month begins on every weekday, a February of 29 days too:
    # looking at the 28 kinds of month is exact.
    return any(days.in_month(first, length) for month in months for length in _LENGTHS[month] for first in range(7))


def _refusal(code: str, detail: str, offset: int) -> InvalidCron:
    return InvalidCron(FieldProblem("/expression", code, detail, offset))
