"""The walk over local times: croniter where it is right, the day rules elsewhere, held against naive readings."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from cronsim import CronSim, CronSimError
from hypothesis import assume, given
from hypothesis import strategies as st

from domain.timing.cron import CronExpression, DayMatch
from infrastructure.cron import CroniterCalendar
from tests.unit.timing.naive_cron import names
from tests.unit.timing.strategies import any_texts, expressions, local, local_times, plain_texts, quick, thorough

CALENDAR = CroniterCalendar()
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def walk(expression: CronExpression, after: datetime, count: int) -> list[datetime]:
    times = list[datetime]()
    while len(times) < count and (found := CALENDAR.next_local(expression, times[-1] if times else after)):
        times.append(found)
    return times


@pytest.mark.parametrize(
    ("text", "rule", "times"),
    [
        ("*/15 * * * *", DayMatch.VIXIE, ["2026-01-30T10:30", "2026-01-30T10:45", "2026-01-30T11:00"]),
        ("*/20 * * * * *", DayMatch.VIXIE, ["2026-01-30T10:17:40", "2026-01-30T10:18:00", "2026-01-30T10:18:20"]),
        ("0 2 * * *", DayMatch.VIXIE, ["2026-01-31T02:00", "2026-02-01T02:00"]),
        ("0 0 29 2 *", DayMatch.VIXIE, ["2028-02-29", "2032-02-29"]),
        ("0 0 29 2 *", DayMatch.AND, ["2028-02-29", "2032-02-29"]),
        ("0 0 29 2 1", DayMatch.AND, ["2044-02-29", "2072-02-29", "2112-02-29"]),  # 40 years over 2100
        ("0 12 31 * *", DayMatch.VIXIE, ["2026-01-31T12:00", "2026-03-31T12:00", "2026-05-31T12:00"]),
        ("0 0 L * *", DayMatch.VIXIE, ["2026-01-31", "2026-02-28", "2026-03-31"]),
        ("30 6 LW * *", DayMatch.VIXIE, ["2026-02-27T06:30", "2026-03-31T06:30"]),
        ("0 18 LW * *", DayMatch.VIXIE, ["2026-01-30T18:00", "2026-02-27T18:00"]),
        ("0 9,17 * * 5#5", DayMatch.VIXIE, ["2026-01-30T17:00", "2026-05-29T09:00", "2026-05-29T17:00"]),
        ("0 0 1-7 * 1", DayMatch.AND, ["2026-02-02", "2026-03-02", "2026-04-06"]),
        ("0 0 1 * 1", DayMatch.VIXIE, ["2026-02-01", "2026-02-02", "2026-02-09"]),
        ("0 0 31 2 1", DayMatch.VIXIE, ["2026-02-02", "2026-02-09"]),
        ("0 0 1-31 * 1", DayMatch.VIXIE, ["2026-01-31", "2026-02-01", "2026-02-02"]),
        ("1-1 0 1-1 * *", DayMatch.VIXIE, ["2026-02-01T00:01", "2026-03-01T00:01"]),  # to croniter every minute and day
        ("0 0 15 * 1#1", DayMatch.VIXIE, ["2026-02-02", "2026-02-15", "2026-03-02"]),  # to croniter an impossible day
    ],
)
def test_the_next_times_of_an_expression(text: str, rule: DayMatch, times: list[str]) -> None:
    expected = [local(time) for time in times]
    assert walk(CronExpression.parse(text, rule), local("2026-01-30T10:17:30.5"), len(times)) == expected


@pytest.mark.parametrize("text", ["-", "* - * * *", "0 0 * * -"])
def test_never_is_never(text: str) -> None:
    assert CALENDAR.next_local(CronExpression.parse(text), local("2026-01-01")) is None


@pytest.mark.parametrize("text", ["* * * * *", "0 0 31 12 *", "0 0 L 2 *", "0 0 29 2 1-5"])
def test_time_ends_before_the_calendar_does(text: str) -> None:
    expression = CronExpression.parse(text)
    assert CALENDAR.next_local(expression, local("9988-01-01")) is not None
    assert CALENDAR.next_local(expression, local("9999-12-31T23:59:59.999999")) is None


def test_a_search_to_the_end_of_time_ends() -> None:
    assert CALENDAR.next_local(CronExpression.parse("0 0 L-28 2 *"), local("9988-03-01")) is None


@pytest.mark.parametrize("text", ["* * * * *", "0 0 L * *"])
def test_early_times_are_as_good_as_others(text: str) -> None:
    found = CALENDAR.next_local(CronExpression.parse(text), local("0001-01-01T00:00:30"))
    assert found is not None
    assert names(text, found)


def test_a_microsecond_before_is_before_in_any_century() -> None:
    hourly = CronExpression.parse("0 * * * *")
    for year in ("2026", "3000", "9000"):  # a float of seconds cannot tell the last two from the full hour
        assert CALENDAR.next_local(hourly, local(f"{year}-01-01T00:59:59.999999")) == local(f"{year}-01-01T01:00")


@pytest.fixture
def _threads_taking_turns_all_the_time() -> Iterator[None]:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("_threads_taking_turns_all_the_time")
def test_threads_may_share_a_calendar() -> None:
    expression = CronExpression.parse("30 2 * * *")
    days = [local("2026-01-01") + timedelta(days=number) for number in range(1000)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda day: CALENDAR.next_local(expression, day), days))
    assert found == [day + timedelta(hours=2, minutes=30) for day in days]


@thorough
@given(expressions(), local_times)
def test_the_next_time_is_later_and_matches(expression: CronExpression, after: datetime) -> None:
    found = CALENDAR.next_local(expression, after)
    assert found is not None
    assert found > after
    assert names(expression.text, found, expression.day_match)


@thorough
@given(expressions(), local_times)
def test_the_answer_is_the_same_until_it_is_reached(expression: CronExpression, after: datetime) -> None:
    found = CALENDAR.next_local(expression, after)
    assert found is not None
    between = after + (found - after) / 2
    just_before = found - timedelta(microseconds=1)
    for moment in (between, just_before):
        assert moment >= found or CALENDAR.next_local(expression, moment) == found


@quick
@given(expressions(), local_times)
def test_nothing_that_matches_is_passed_over(expression: CronExpression, after: datetime) -> None:
    end = after + timedelta(days=1)
    minute = after.replace(second=0, microsecond=0) + MINUTE
    matching = list[datetime]()
    while minute < end:
        if names(expression.text, minute, expression.day_match):
            matching.append(minute)
        minute += MINUTE
    walked = list[datetime]()
    found = CALENDAR.next_local(expression, after)
    while found is not None and found < end:
        walked.append(found)
        found = CALENDAR.next_local(expression, found)
    assert walked == matching


@quick
@given(expressions(), local_times)
def test_no_day_that_matches_is_passed_over_in_a_year(expression: CronExpression, after: datetime) -> None:
    days = [after.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=n) for n in range(1, 366)]
    for day in days:
        first = day.replace(hour=expression.hours[0], minute=expression.minutes[0])
        if names(expression.text, first, expression.day_match):
            assert CALENDAR.next_local(expression, day - SECOND) == first


@quick
@given(
    expressions(st.tuples(st.sampled_from(["*", "0", "*/7", "58-59", "3,30"]), any_texts).map(" ".join)), local_times
)
def test_seconds_are_walked_like_minutes(expression: CronExpression, after: datetime) -> None:
    found = CALENDAR.next_local(expression, after)
    assert found is not None
    assert names(expression.text, found, expression.day_match)
    second = max(after.replace(microsecond=0) + SECOND, found - timedelta(minutes=5))
    while second < found:
        assert not names(expression.text, second, expression.day_match)
        second += SECOND


@thorough
@given(plain_texts, local_times)
def test_cronsim_agrees_on_everything_it_knows(text: str, after: datetime) -> None:
    text = re.sub(r"\b(\d+)-\1/\d+", r"\1", text)  # which it reads as a step to the end of the field
    known = text.replace("fri-mon", "5-7,1").replace("sat-sun", "6-7").replace("5-1/2", "5,7").replace("?", "*")
    try:
        oracle = CronSim(known, after)
        expected = [next(oracle) for _ in range(4)]
    except (CronSimError, StopIteration):
        assume(False)
        raise
    assert walk(CronExpression.parse(text), after, 4) == expected
