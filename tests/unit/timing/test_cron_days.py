"""The day rules: special days, how the two day fields combine, and why 28 kinds of month are all there are."""

from __future__ import annotations

import calendar

import pytest

from domain.timing.cron import CronExpression, DayMatch

FEBRUARY = (2026, 2)  # begins on a Sunday, ends on Saturday the 28th
MAY = (2026, 5)  # begins on a Friday, ends on Sunday the 31st
AUGUST = (2026, 8)  # begins on a Saturday, ends on Monday the 31st


@pytest.mark.parametrize(
    ("day", "month", "days"),
    [
        ("L", FEBRUARY, (28,)),
        ("L", (2028, 2), (29,)),
        ("L", MAY, (31,)),
        ("L-1", MAY, (30,)),
        ("L-27", FEBRUARY, (1,)),
        ("L-28", FEBRUARY, ()),
        ("LW", FEBRUARY, (27,)),  # Saturday: Friday
        ("LW", MAY, (29,)),  # Sunday: the Friday before, not the first of June
        ("LW", AUGUST, (31,)),
        ("1W", AUGUST, (3,)),  # Saturday: Monday, not the last of July
        ("1W", FEBRUARY, (2,)),  # Sunday: Monday
        ("15W", AUGUST, (14,)),  # Saturday: Friday
        ("16W", AUGUST, (17,)),  # Sunday: Monday
        ("17W", AUGUST, (17,)),
        ("31W", MAY, (29,)),
        ("30W", FEBRUARY, ()),  # no such day
        ("1,15W,L", AUGUST, (1, 14, 31)),
        ("L-2,LW,10-11", MAY, (10, 11, 29)),
        ("31", FEBRUARY, ()),
        ("?", FEBRUARY, tuple(range(1, 29))),
    ],
)
def test_special_days_of_the_month(day: str, month: tuple[int, int], days: tuple[int, ...]) -> None:
    assert CronExpression.parse(f"0 0 {day} * *").matching_days(*month) == days


@pytest.mark.parametrize(
    ("weekday", "month", "days"),
    [
        ("5L", MAY, (29,)),
        ("friL", FEBRUARY, (27,)),
        ("0L", MAY, (31,)),
        ("7L", MAY, (31,)),
        ("1#1", MAY, (4,)),
        ("FRI#1", MAY, (1,)),
        ("5#5", MAY, (29,)),
        ("1#5", MAY, ()),
        ("7#1", MAY, (3,)),
        ("0#5", MAY, (31,)),
        ("1#1,5#2,3L", MAY, (4, 8, 27)),
        ("1#1,sun", MAY, (3, 4, 10, 17, 24, 31)),
    ],
)
def test_special_days_of_the_week(weekday: str, month: tuple[int, int], days: tuple[int, ...]) -> None:
    assert CronExpression.parse(f"0 0 * * {weekday}").matching_days(*month) == days


MONDAYS, TENTH, ALL = (4, 11, 18, 25), (10,), tuple(range(1, 32))
ODD_MONDAYS, ODD_OR_MONDAY = (11, 25), tuple(sorted({*range(1, 32, 2), *MONDAYS}))
EVEN_WEEKDAYS = tuple(day for day in ALL if (day + 4) % 7 in (0, 2, 4, 6))


@pytest.mark.parametrize(
    ("day", "weekday", "vixie", "both", "either"),
    [
        ("10", "1", (4, 10, 11, 18, 25), (), (4, 10, 11, 18, 25)),
        ("10", "*", TENTH, TENTH, TENTH),
        ("10", "?", TENTH, TENTH, TENTH),
        ("*", "1", MONDAYS, MONDAYS, MONDAYS),
        ("?", "1", MONDAYS, MONDAYS, MONDAYS),
        ("*/2", "1", ODD_MONDAYS, ODD_MONDAYS, ODD_OR_MONDAY),
        ("11", "*/2", (), (), tuple(sorted({11, *EVEN_WEEKDAYS}))),
        ("1-31/2", "1", ODD_OR_MONDAY, ODD_MONDAYS, ODD_OR_MONDAY),
        ("1-31", "1", ALL, MONDAYS, ALL),  # all days are named, so either rule lets all pass
        ("10", "0-6", ALL, TENTH, ALL),
        ("*/1", "1", MONDAYS, MONDAYS, MONDAYS),
        ("10,*", "1", ALL, MONDAYS, ALL),
        ("*,10", "1", MONDAYS, MONDAYS, MONDAYS),
        ("5", "1#1", (4, 5), (), (4, 5)),
        ("4", "1#1", (4,), (4,), (4,)),
        ("L", "0L", (31,), (31,), (31,)),
        ("LW", "5", (1, 8, 15, 22, 29), (29,), (1, 8, 15, 22, 29)),
    ],
)
def test_the_two_day_fields_combine_by_rule(
    day: str, weekday: str, vixie: tuple[int, ...], both: tuple[int, ...], either: tuple[int, ...]
) -> None:
    text = f"0 0 {day} * {weekday}"
    expected = {DayMatch.VIXIE: vixie, DayMatch.AND: both, DayMatch.OR: either}
    assert {rule: _days_in_may(text, rule) for rule in DayMatch} == expected


def _days_in_may(text: str, rule: DayMatch) -> tuple[int, ...]:
    return CronExpression.parse(text, rule).matching_days(*MAY)


def test_a_month_too_short_to_count_back_in_has_no_such_day() -> None:
    assert CronExpression.parse("0 0 L-30 * 1").matching_days(2026, 4) == (6, 13, 20, 27)
    assert CronExpression.parse("0 0 30W * 1").matching_days(*FEBRUARY) == (2, 9, 16, 23)


def test_each_month_takes_every_length_and_first_weekday_it_can_within_400_years() -> None:
    """What makes the check for expressions that never fire exact without walking the years."""
    for month in range(1, 13):
        kinds = {calendar.monthrange(year, month) for year in range(2000, 2400)}
        lengths = {length for _, length in kinds}
        assert kinds == {(first, length) for first in range(7) for length in lengths}
        assert lengths == ({28, 29} if month == 2 else {calendar.monthrange(2001, month)[1]})


def test_the_calendar_repeats_after_400_years() -> None:
    for year in (2000, 2096, 2100, 2399):
        for month in range(1, 13):
            assert calendar.monthrange(year, month) == calendar.monthrange(year + 400, month)
