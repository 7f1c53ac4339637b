"""An independent reading of cron, as plain as it can be: does this one minute match? Used as an oracle."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta

DAY = timedelta(days=1)
MONTHS = ["", "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]


def names(text: str, when: datetime, rule: str = "VIXIE") -> bool:
    """Whether the expression names the local time `when`, whose microseconds must be zero."""
    fields = text.lower().split()
    second, minute, hour, day, month, weekday = fields if len(fields) == 6 else ["0", *fields]
    if when.microsecond or not _in(month, when.month, 1, 12, MONTHS):
        return False
    if not (_in(second, when.second, 0, 59) and _in(minute, when.minute, 0, 59) and _in(hour, when.hour, 0, 23)):
        return False
    by_day = any(_is_day(item, when) for item in day.split(","))
    by_weekday = any(_is_weekday(item, when) for item in weekday.split(","))
    if rule == "AND" or (rule == "VIXIE" and (day[0] in "*?" or weekday[0] in "*?")):
        return by_day and by_weekday
    if rule == "OR" and _starred_and_full(day, _is_day):
        return by_weekday
    if rule == "OR" and _starred_and_full(weekday, _is_weekday):
        return by_day
    return by_day or by_weekday


def _starred_and_full(field: str, allows: Callable[[str, datetime], bool]) -> bool:
    plain = [item for item in field.split(",") if not re.search("[lw]$|^l|#", item)]
    january = [datetime.fromisoformat("2026-01-01") + n * DAY for n in range(31)]
    return field[0] in "*?" and all(any(allows(item, day) for item in plain) for day in january)


def _in(field: str, value: int, low: int, high: int, words: list[str] | None = None) -> bool:
    return any(_is_plain(item, value, low, high, words or []) for item in field.split(","))


def _is_plain(item: str, value: int, low: int, high: int, words: list[str]) -> bool:
    bounds, _, step = item.partition("/")
    if bounds == "*":
        first, last = low, high
    elif "-" in bounds:
        first, last = (_number(bound, words) for bound in bounds.split("-"))
    else:
        first = _number(bounds, words)
        last = high if step else first
    return first <= value <= last and (value - first) % int(step or 1) == 0


def _number(token: str, words: list[str]) -> int:
    return words.index(token) if token in words else int(token)


def _is_day(item: str, when: datetime) -> bool:
    last_day = max(d for d in range(28, 32) if (when.replace(day=1) + (d - 1) * DAY).month == when.month)
    if item == "?":
        return True
    if item == "l":
        return when.day == last_day
    if item.startswith("l-"):
        return when.day == last_day - int(item[2:])
    if item.endswith("w"):
        wanted = last_day if item == "lw" else int(item[:-1])
        workdays = [d for d in range(1, last_day + 1) if when.replace(day=d).isoweekday() <= 5]
        return wanted <= last_day and when.day == min(workdays, key=lambda d: abs(d - wanted))
    return _is_plain(item, when.day, 1, 31, [])


def _is_weekday(item: str, when: datetime) -> bool:
    if item == "?":
        return True
    if "#" in item:
        token, nth = item.split("#")
        return _is_weekday(token, when) and 7 * (int(nth) - 1) < when.day <= 7 * int(nth)
    if item.endswith("l"):
        return _is_weekday(item[:-1], when) and (when + 7 * DAY).month != when.month
    if "-" in item:
        bounds, _, step = item.partition("/")
        first, last = (_number(bound, WEEKDAYS) for bound in bounds.split("-"))
        if first > last:  # over the end of the week
            last += 7
        return any(day % 7 == when.isoweekday() % 7 for day in range(first, last + 1, int(step or 1)))
    return any(_is_plain(item, number, 0, 7, WEEKDAYS) for number in {when.isoweekday(), when.isoweekday() % 7})
