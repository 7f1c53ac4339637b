"""All times of a cron expression between two instants, a day at a time instead of one by one."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final

from domain.timing.cron import CronExpression
from domain.timing.local_time import DstRule, Gap, Overlap
from domain.timing.time_zone import ClockChange, TimeZone
from domain.timing.timetable import Stretch, Timetable, ticks

_DAY: Final = timedelta(days=1)
_REACH: Final = timedelta(hours=3)
"""How far from a change of clocks local times are repeated or missing. A change by more is seen from both its days."""
_SECOND: Final = 1_000_000  # microseconds


def cron_table(expression: CronExpression, zone: TimeZone, rule: DstRule, start: datetime, end: datetime) -> Timetable:
    """The instants from `start` on and before `end`; `rule` without AUTO. The same as walking them one by one."""
    if expression.never or start >= end:
        return Timetable(())
    first, last = ticks(start), ticks(end)
    stretches, near_change = list[Stretch](), set[int]()
    for day in _days(expression, (zone.local(start) - _DAY).date(), (zone.local(end) + _DAY).date()):
        midnight = datetime.combine(day, time.min)
        change = _change_near(zone, midnight)
        if change is None:
            if near_change:
                stretches.append(Stretch(0, sorted(near_change)).within(first, last))
                near_change = set()
            base = ticks(zone.instant(midnight))
            stretches.append(Stretch(base, _times_of_day(expression)).within(first, last))
        else:
            near_change.update(_near(change, midnight, _times_of_day(expression), rule))
    stretches.append(Stretch(0, sorted(near_change)).within(first, last))
    return Timetable(stretches)


def _days(expression: CronExpression, first: date, last: date) -> Iterator[date]:
    year, month = first.year, first.month
    while (year, month) <= (last.year, last.month):
        for day in expression.matching_days(year, month):
            if first <= (found := date(year, month, day)) <= last:
                yield found
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)


def _change_near(zone: TimeZone, midnight: datetime) -> ClockChange | None:
    """The change of clocks that may concern a local time of the day that begins then."""
    start = zone.instant(midnight)
    change = zone.change_between(start - _REACH, start + _DAY + _REACH)
    if change is None or start - _REACH < change.at <= start + _DAY + _REACH:
        return change
    return None


def _near(change: ClockChange, midnight: datetime, offsets: Sequence[int], rule: DstRule) -> Iterator[int]:
    base = ticks(midnight.replace(tzinfo=UTC))
    before, after = base - _ticks(change.before), base - _ticks(change.after)
    start = bisect_left(offsets, ticks(change.window_start.replace(tzinfo=UTC)) - base)
    end = bisect_left(offsets, ticks(change.window_end.replace(tzinfo=UTC)) - base)
    yield from (before + offset for offset in offsets[:start])
    if change.is_gap:
        if rule.gap is Gap.SHIFT and start < end:
            yield ticks(change.at)
    else:
        if rule.overlap is not Overlap.LAST:
            yield from (before + offset for offset in offsets[start:end])
        if rule.overlap is not Overlap.FIRST:
            yield from (after + offset for offset in offsets[start:end])
    yield from (after + offset for offset in offsets[end:])


def _ticks(span: timedelta) -> int:
    return span // timedelta(microseconds=1)


@lru_cache(maxsize=1024)
def _times_of_day(expression: CronExpression) -> tuple[int, ...]:
    """Microseconds since midnight."""
    return tuple(
        _SECOND * (3600 * hour + 60 * minute + second)
        for hour in expression.hours
        for minute in expression.minutes
        for second in expression.seconds
    )
