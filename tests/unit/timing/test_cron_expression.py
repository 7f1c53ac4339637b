"""The grammar of cron expressions: what is taken, what it means, and how refusals read."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.shared.errors import FieldProblem
from domain.timing.cron import MACROS, CronExpression, DayMatch
from domain.timing.errors import InvalidCron
from tests.unit.timing.naive_cron import names
from tests.unit.timing.strategies import any_texts, day_matches, local, local_times, thorough


@pytest.mark.parametrize(
    ("minute", "meaning"),
    [
        ("*", tuple(range(60))),
        ("7", (7,)),
        ("05", (5,)),
        ("1-1", (1,)),
        ("1-3", (1, 2, 3)),
        ("3,1,2,1", (1, 2, 3)),
        ("*/20", (0, 20, 40)),
        ("10-30/10", (10, 20, 30)),
        ("50/5", (50, 55)),
        ("59/15", (59,)),
        ("*/90", (0,)),
        ("0-59", tuple(range(60))),
        ("1,10-12,*/30", (0, 1, 10, 11, 12, 30)),
        ("-", ()),
    ],
)
def test_a_field_is_a_list_of_numbers_ranges_and_steps(minute: str, meaning: tuple[int, ...]) -> None:
    assert CronExpression.parse(f"{minute} * * * *").minutes == meaning


@pytest.mark.parametrize(
    ("weekday", "meaning"),
    [
        ("0", {0}),
        ("7", {0}),
        ("sun", {0}),
        ("1-5", {1, 2, 3, 4, 5}),
        ("MON-Fri", {1, 2, 3, 4, 5}),
        ("fri-mon", {5, 6, 0, 1}),  # a week has no first day
        ("sat-sun", {6, 0}),
        ("6-7", {6, 0}),
        ("5-1/2", {5, 0}),
        ("0-7", {0, 1, 2, 3, 4, 5, 6}),
        ("*/2", {0, 2, 4, 6}),
        ("1/2", {1, 3, 5, 0}),  # to the end, which is the Sunday called 7
        ("?", {0, 1, 2, 3, 4, 5, 6}),
    ],
)
def test_sunday_is_0_and_7_and_weekdays_may_run_over_the_end_of_the_week(weekday: str, meaning: set[int]) -> None:
    assert CronExpression.parse(f"0 0 * * {weekday}").days.of_week.weekdays == meaning


def test_months_have_names_in_any_case() -> None:
    assert CronExpression.parse("0 0 1 JAN,mar-May *").months == (1, 3, 4, 5)


def test_six_fields_begin_with_the_second() -> None:
    expression = CronExpression.parse("15,45 30 2 * * *")
    assert (expression.seconds, expression.minutes, expression.hours) == ((15, 45), (30,), (2,))


def test_five_fields_fire_at_second_zero() -> None:
    assert CronExpression.parse("30 2 * * *").seconds == (0,)


@pytest.mark.parametrize(("macro", "spelled_out"), MACROS.items())
def test_a_macro_means_its_expression(macro: str, spelled_out: str) -> None:
    short, long = CronExpression.parse(macro.upper()), CronExpression.parse(spelled_out)
    for part in ("seconds", "minutes", "hours", "months", "days", "has_wildcard_time"):
        assert getattr(short, part) == getattr(long, part)
    assert str(short) == macro.upper()


@pytest.mark.parametrize("text", ["-", "- * * * *", "* - * * *", "0 0 - * *", "0 0 * - *", "0 0 * * -", " - 0 0 1 1 *"])
def test_a_dash_says_never_and_is_taken(text: str) -> None:
    expression = CronExpression.parse(text)
    assert expression.never
    assert not any(expression.matching_days(2026, month) for month in range(1, 13))


@pytest.mark.parametrize(
    ("text", "wildcard"),
    [
        ("* 2 * * *", True),
        ("*/5 2 * * *", True),
        ("0 * * * *", True),
        ("@hourly", True),
        ("* 0 2 * * *", True),
        ("0 2 * * *", False),
        ("0-59 0-23 * * *", False),  # Debian looks at the character, not at the meaning
        ("30 2 */2 * *", False),
    ],
)
def test_a_wildcard_time_begins_with_a_star(text: str, wildcard: bool) -> None:
    assert CronExpression.parse(text).has_wildcard_time is wildcard


@pytest.mark.parametrize(
    ("text", "code", "offset", "said"),
    [
        ("60 * * * *", "OUT_OF_RANGE", 0, "minute: 60 is out of range; allowed are 0-59"),
        ("0 24 * * *", "OUT_OF_RANGE", 2, "hour: 24 is out of range; allowed are 0-23"),
        ("0 0 0 * *", "OUT_OF_RANGE", 4, "day-of-month: 0 is out of range; allowed are 1-31"),
        ("0 0 1-32 * *", "OUT_OF_RANGE", 6, "day-of-month: 32 is out of range"),
        ("0 0 1 13 *", "OUT_OF_RANGE", 6, "month: 13 is out of range; allowed are 1-12 or jan-dec"),
        ("0 0 * * 8", "OUT_OF_RANGE", 8, "day-of-week: 8 is out of range; allowed are 0-7 or sun-sat"),
        ("60 0 0 * * *", "OUT_OF_RANGE", 0, "second: 60 is out of range"),
        ("  0   99 * * *", "OUT_OF_RANGE", 6, "hour: 99"),
        ("0 0 L-31 * *", "OUT_OF_RANGE", 6, "L-31"),
        ("0 0 32W * *", "OUT_OF_RANGE", 4, "32"),
        ("0 0 * * 8L", "OUT_OF_RANGE", 8, "8"),
        ("0 0 * * 1,5#6", "OUT_OF_RANGE", 12, "#6 is out of range 1-5"),
        ("0 22-4 * * *", "BACKWARDS", 2, "write 22-23,0-4"),
        ("0 0 * dec-feb *", "BACKWARDS", 6, "write 12,1-2"),
        ("0 0 31-1 * *", "BACKWARDS", 4, "write 31,1;"),
        ("*/0 * * * *", "STEP", 2, '"0" is not a number from 1'),
        ("*/x * * * *", "STEP", 2, '"x" is not a number from 1'),
        ("*5 * * * *", "SYNTAX", 1, '"*5" is not understood'),
        ("1, * * * *", "SYNTAX", 2, "a value is missing"),
        ("1/2/3 * * * *", "SYNTAX", 3, "is not understood"),
        ("5- * * * *", "SYNTAX", 1, "is not understood"),
        ("-5 * * * *", "SYNTAX", 0, "is not understood"),
        ("1.5 * * * *", "SYNTAX", 1, "is not understood"),
        ("? * * * *", "SYNTAX", 0, "is not understood"),
        ("0 0 ?,1 * *", "SYNTAX", 4, "is not understood"),
        ("0 0 1-L * *", "SYNTAX", 6, "is not understood"),
        ("0 0 W * *", "SYNTAX", 4, "lists, L, L-n, LW, nW, ?"),
        ("0 0 * * L", "SYNTAX", 8, "lists, dL, d#n, ?"),
        ("0 0 * * L5", "SYNTAX", 8, "is not understood"),
        ("0 0 * * monday", "SYNTAX", 8, "0-7 or sun-sat"),
        ("0 0 1 sun *", "SYNTAX", 6, "1-12 or jan-dec"),
        ("H * * * *", "SYNTAX", 0, "is not understood"),
        ("0\u00a00 * * * *", "SYNTAX", 1, "'\\xa0' has no place"),
        ("٥ * * * *", "SYNTAX", 0, "has no place"),
        ("", "FIELD_COUNT", 0, "this one has 0"),
        ("   ", "FIELD_COUNT", 3, "this one has 0"),
        ("* * * *", "FIELD_COUNT", 7, "five fields (minute hour day-of-month month day-of-week), six with the second"),
        ("0 0 0 1 1 * 2026", "FIELD_COUNT", 12, "this one has 7"),
        ("@reboot", "UNKNOWN_MACRO", 0, "allowed are @yearly, @annually, @monthly, @weekly, @daily"),
        ("@every 5m", "UNKNOWN_MACRO", 0, "allowed are @yearly"),
        ("*" * 201, "TOO_LONG", 200, "at most 200 characters"),
    ],
)
def test_a_mistake_is_named_with_field_place_and_what_is_allowed(text: str, code: str, offset: int, said: str) -> None:
    with pytest.raises(InvalidCron) as refusal:
        CronExpression.parse(text)
    (problem,) = refusal.value.problems
    assert (problem.pointer, problem.code, problem.offset) == ("/expression", code, offset)
    assert said in problem.detail


def test_all_fields_with_mistakes_are_named_at_once() -> None:
    with pytest.raises(InvalidCron) as refusal:
        CronExpression.parse("61 25 L-40 foo 9")
    assert [problem.offset for problem in refusal.value.problems] == [0, 3, 8, 11, 15]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("0 0 31 2 *", DayMatch.VIXIE),
        ("0 0 30 2 *", DayMatch.OR),
        ("0 0 30-31 FEB ?", DayMatch.VIXIE),
        ("0 0 31 2,4,6,9,11 *", DayMatch.VIXIE),
        ("0 0 30 2 1", DayMatch.AND),
        ("0 0 1 * 1#2", DayMatch.AND),
        ("0 0 L-29 2 *", DayMatch.VIXIE),
        ("0 0 31W 4 *", DayMatch.VIXIE),
        ("0 0 15W * 6", DayMatch.AND),
    ],
)
def test_an_expression_that_can_never_fire_is_refused(text: str, rule: DayMatch) -> None:
    with pytest.raises(InvalidCron) as refusal:
        CronExpression.parse(text, rule)
    (problem,) = refusal.value.problems
    assert (problem.code, problem.offset) == ("NEVER_FIRES", 4)


@pytest.mark.parametrize(
    ("text", "rule", "month", "days"),
    [
        ("0 0 29 2 *", DayMatch.VIXIE, (2028, 2), (29,)),
        ("0 0 29 2 1", DayMatch.AND, (2044, 2), (29,)),  # once in 28 years
        ("0 0 30 2 1#5", DayMatch.OR, (2044, 2), (29,)),
        ("0 0 31 2 1", DayMatch.VIXIE, (2026, 2), (2, 9, 16, 23)),  # the Mondays remain
        ("0 0 L-30 * *", DayMatch.VIXIE, (2026, 1), (1,)),
    ],
)
def test_an_expression_that_fires_rarely_is_taken(
    text: str, rule: DayMatch, month: tuple[int, int], days: tuple[int, ...]
) -> None:
    assert CronExpression.parse(text, rule).matching_days(*month) == days


def test_equal_are_expressions_with_the_same_text_and_day_rule() -> None:
    assert CronExpression.parse(" 0 0 * * * ") == CronExpression.parse("0 0 * * *")
    assert CronExpression.parse("0 0 * * *") != CronExpression.parse("0 0 * * *", DayMatch.AND)
    assert CronExpression.parse("0 0 * * *") != CronExpression.parse("@daily")


def test_a_time_between_two_seconds_never_matches() -> None:
    expression = CronExpression.parse("* * * * * *")
    assert expression.matches(local("2026-03-01T10:00:59"))
    assert not expression.matches(local("2026-03-01T10:00:59.000001"))


@thorough
@given(any_texts, day_matches, local_times, st.integers(0, 40))
def test_matching_agrees_with_a_naive_reading_of_the_text(text: str, rule: DayMatch, when: datetime, days: int) -> None:
    if problems := problems_of(text, rule):
        assert [problem.code for problem in problems] == ["NEVER_FIRES"]
        return
    expression = CronExpression.parse(text, rule)
    on_the_minute = when.replace(second=0, microsecond=0)
    likely = on_the_minute.replace(hour=expression.hours[0], minute=expression.minutes[0]) + timedelta(days=days)
    for moment in (on_the_minute, likely):
        assert expression.matches(moment) == names(text, moment, rule)


@thorough
@given(st.text(alphabet="*?-,/#LW0123456789monfrijan@ \t", max_size=30))
def test_any_text_is_either_an_expression_or_refused_with_a_place_in_it(text: str) -> None:
    assert all(p.offset is not None and 0 <= p.offset <= len(text) for p in problems_of(text))


def problems_of(text: str, rule: DayMatch = DayMatch.VIXIE) -> tuple[FieldProblem, ...]:
    try:
        CronExpression.parse(text, rule)
    except InvalidCron as refusal:
        return refusal.problems
    return ()
