"""Calendars take times out of what triggers say: exactly those, on the clocks of their zone."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.shared.errors import Invalid
from domain.timing.calendar import END_OF_TIME, MOST_DATES, DateRange, ExclusionCalendar, Weekday
from domain.timing.cron import CronExpression
from domain.timing.errors import InvalidTrigger
from domain.timing.ports import HolidayCalendar
from domain.timing.time_zone import TimeZone
from domain.timing.trigger import TICK, Trigger, TriggerState
from domain.timing.triggers.any_of import AnyOfTrigger
from domain.timing.triggers.cron import CronTrigger
from domain.timing.triggers.fixed_delay import FixedDelayTrigger
from domain.timing.triggers.fixed_rate import FixedRateTrigger
from domain.timing.triggers.one_time import OneTimeTrigger
from tests.builders import CALENDARS, cron
from tests.unit.timing.strategies import CLOCK_CHANGES, quick, utc

BERLIN = TimeZone("Europe/Berlin")
NOTHING = TriggerState()
BAVARIA = HolidayCalendar("DE", "BY")


def calendar(zone: TimeZone = BERLIN, **excluded: Any) -> ExclusionCalendar:
    return ExclusionCalendar(zone=zone, **excluded)


def daily(excluding: ExclusionCalendar | None, expression: str = "0 9 * * *") -> CronTrigger:
    return CronTrigger(expression=CronExpression.parse(expression), zone=BERLIN, calendar=excluding)


def days(trigger: Trigger, after: str, count: int) -> list[str]:
    return [found.strftime("%m-%d") for found in trigger.upcoming(utc(after), NOTHING, CALENDARS, count)]


@pytest.mark.parametrize(
    ("excluded", "left"),
    [
        ({"dates": (date(2026, 12, 24),)}, ["12-23", "12-25", "12-26", "12-27"]),
        ({"weekdays": (Weekday.SAT, Weekday.SUN)}, ["12-23", "12-24", "12-25", "12-28"]),
        ({"ranges": (DateRange(date(2026, 12, 24), date(2026, 12, 31)),)}, ["12-23", "01-01", "01-02", "01-03"]),
        ({"holidays": (BAVARIA,)}, ["12-23", "12-24", "12-27", "12-28"]),
        ({"expressions": (CronExpression.parse("* * 24-25 12 *"),)}, ["12-23", "12-26", "12-27", "12-28"]),
        (
            {"holidays": (BAVARIA,), "weekdays": (Weekday.SUN,), "dates": (date(2026, 12, 24),)},
            ["12-23", "12-28", "12-29", "12-30"],
        ),
    ],
)
def test_what_is_excluded_does_not_fire(excluded: dict[str, Any], left: list[str]) -> None:
    assert days(daily(calendar(**excluded)), "2026-12-22T12:00", 4) == left


def test_each_time_taken_out_is_told_with_its_reason() -> None:
    trigger = daily(calendar(holidays=(BAVARIA,), weekdays=(Weekday.SUN,)))
    taken = trigger.excluded(utc("2026-12-24T12:00"), utc("2026-12-28T08:00"), NOTHING, CALENDARS)
    assert [(at.strftime("%m-%dT%H"), reason) for at, reason in taken] == [
        ("12-25T08", "holiday DE-BY: Christmas Day"),
        ("12-26T08", "holiday DE-BY: Second Day of Christmas"),
        ("12-27T08", "weekday SUN"),
    ]


def test_days_are_those_of_the_calendars_zone() -> None:
    new_york = calendar(TimeZone("America/New_York"), dates=(date(2026, 7, 4),))
    hourly = CronTrigger(expression=CronExpression.parse("0 * * * *"), zone=TimeZone("UTC"), calendar=new_york)
    assert hourly.next_fire(utc("2026-07-04T03:30"), NOTHING, CALENDARS) == utc("2026-07-05T04:00")


def test_an_expression_takes_out_whole_minutes_or_single_seconds() -> None:
    every_ten_seconds = FixedRateTrigger(
        every=timedelta(seconds=10),
        anchor=utc("2026-01-01"),
        calendar=calendar(TimeZone("UTC"), expressions=(CronExpression.parse("1 12 * * *"),)),
    )
    found = every_ten_seconds.upcoming(utc("2026-01-01T12:00:45"), NOTHING, CALENDARS, 2)
    assert found == [utc("2026-01-01T12:00:50"), utc("2026-01-01T12:02:00")]
    seconds = FixedRateTrigger(
        every=timedelta(seconds=1),
        anchor=utc("2026-01-01"),
        calendar=calendar(TimeZone("UTC"), expressions=(CronExpression.parse("*/2 * * * * *"),)),
    )
    assert [at.second for at in seconds.upcoming(utc("2026-01-01"), NOTHING, CALENDARS, 3)] == [1, 3, 5]


def test_a_fixed_delay_waits_until_the_calendar_is_open_and_goes_on() -> None:
    trigger = FixedDelayTrigger(delay=timedelta(hours=1), calendar=calendar(weekdays=(Weekday.SAT, Weekday.SUN)))
    state = TriggerState(
        since=utc("2026-01-01"), last_nominal=utc("2026-01-02T22:00"), last_end=utc("2026-01-02T22:30")
    )
    opens = utc("2026-01-04T23:00")  # midnight in Berlin
    assert trigger.next_fire(utc("2026-01-02T22:00"), state, CALENDARS) == opens
    taken = list(trigger.excluded(utc("2026-01-02T22:00"), opens, state, CALENDARS))
    assert taken == [(utc("2026-01-02T23:30"), "weekday SAT")]


def test_a_part_of_a_union_may_have_a_calendar_of_its_own() -> None:
    parts = (daily(calendar(weekdays=(Weekday.SUN,))), daily(None, "0 12 * * SUN"))
    both = AnyOfTrigger(triggers=parts, calendar=calendar(dates=(date(2026, 1, 6),)))
    found = both.upcoming(utc("2026-01-03T10:00"), NOTHING, CALENDARS, 3)
    assert found == [utc("2026-01-04T11:00"), utc("2026-01-05T08:00"), utc("2026-01-07T08:00")]
    taken = both.excluded(utc("2026-01-03T10:00"), found[0], NOTHING, CALENDARS)
    assert list(taken) == [(utc("2026-01-04T08:00"), "weekday SUN")]
    assert [reason for _, reason in both.excluded(found[1], found[2], NOTHING, CALENDARS)] == ["date 2026-01-06"]


@quick
@given(
    st.sampled_from(sorted(CLOCK_CHANGES)),
    st.sets(st.sampled_from(Weekday), max_size=5),
    st.sets(st.integers(0, 20), max_size=8),
    st.sampled_from(["*/7 * * * *", "0 */2 * * *", "30 0,2,23 * * *"]),
    st.integers(0, 1),
    st.timedeltas(timedelta(0), timedelta(days=2)),
)
def test_exactly_what_the_calendar_leaves_fires(
    name: str, weekdays: set[Weekday], offsets: set[int], text: str, which: int, ahead: timedelta
) -> None:
    zone, change = TimeZone(name), utc(CLOCK_CHANGES[name][which])
    after = change - ahead
    dates = {change.date() + timedelta(days=offset - 2) for offset in offsets} | {date(2001, 1, 1)}
    excluding = calendar(zone, weekdays=tuple(weekdays), dates=tuple(dates))
    plain = CronTrigger(expression=CronExpression.parse(text), zone=zone)
    limited = CronTrigger(expression=CronExpression.parse(text), zone=zone, calendar=excluding)
    raw = [at for at in plain.upcoming(after, NOTHING, CALENDARS, 900) if at <= after + timedelta(days=4)]

    def is_open(at: datetime) -> bool:
        local = zone.local(at).date()
        return local not in dates and list(Weekday)[local.weekday()] not in weekdays

    until = raw[-1] + TICK
    fires = list[datetime]()
    found = limited.next_fire(after, NOTHING, CALENDARS)
    while found is not None and found < until:
        fires.append(found)
        assert limited.next_fire(found - TICK, NOTHING, CALENDARS) == found
        found = limited.next_fire(found, NOTHING, CALENDARS)
    assert fires == [at for at in raw if is_open(at)]
    taken = [at for at, _ in limited.excluded(after, until, NOTHING, CALENDARS)]
    assert taken == [at for at in raw if not is_open(at)]


@pytest.mark.parametrize(
    ("excluded", "pointer", "code"),
    [
        ({}, "/exclude", "MISSING"),
        ({"weekdays": tuple(Weekday)}, "/exclude/weekdays", "EXCLUDES_EVERYTHING"),
        (
            {"dates": tuple(date(2000, 1, 1) + timedelta(n) for n in range(MOST_DATES + 1))},
            "/exclude/dates",
            "TOO_MANY",
        ),
        ({"holidays": tuple(HolidayCalendar(str(n)) for n in range(51))}, "/exclude/holidays", "TOO_MANY"),
    ],
)
def test_a_calendar_that_makes_no_sense_is_refused(excluded: dict[str, Any], pointer: str, code: str) -> None:
    with pytest.raises(InvalidTrigger) as refusal:
        calendar(**excluded)
    assert [(problem.pointer, problem.code) for problem in refusal.value.problems] == [(pointer, code)]


def test_a_range_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(InvalidTrigger, match="must not be before"):
        DateRange(date(2026, 2, 1), date(2026, 1, 1))


@pytest.mark.parametrize(
    "trigger",
    [
        daily(calendar(expressions=(CronExpression.parse("* * * * *"),))),
        daily(calendar(expressions=(CronExpression.parse("0 9 * * *"),))),
        FixedRateTrigger(
            every=timedelta(milliseconds=100), calendar=calendar(expressions=(CronExpression.parse("* * * * * *"),))
        ),
        OneTimeTrigger(at=utc("2099-12-25T12:00"), calendar=calendar(holidays=(BAVARIA,))),
        daily(calendar(ranges=(DateRange(date(1, 1, 1), date(9990, 12, 31)),))),
    ],
)
def test_a_calendar_that_takes_everything_out_is_refused_after_a_bounded_search(trigger: Trigger) -> None:
    with pytest.raises(InvalidTrigger) as refusal:
        trigger.check_new(utc("2026-01-01"), CALENDARS)
    (problem,) = refusal.value.problems
    assert (problem.pointer, problem.code) == ("/calendar", "EXCLUDES_EVERYTHING")


def test_a_calendar_that_leaves_something_is_taken() -> None:
    daily(calendar(weekdays=(Weekday.SAT,))).check_new(utc("2026-01-01"), CALENDARS)
    cron("0 0 29 2 *").check_new(utc("2026-01-01"), CALENDARS)


@pytest.mark.parametrize(
    ("unknown", "pointer", "hint"),
    [
        (HolidayCalendar("XX"), "/calendar/exclude/holidays/0/country", "an ISO 3166 code"),
        (HolidayCalendar("de"), "/calendar/exclude/holidays/0/country", 'did you mean "DE"'),
        (HolidayCalendar("DE", "BYY"), "/calendar/exclude/holidays/0/subdivision", 'did you mean "BY"'),
    ],
)
def test_unknown_holidays_are_refused_where_they_stand(unknown: HolidayCalendar, pointer: str, hint: str) -> None:
    with pytest.raises(Invalid) as refusal:
        daily(calendar(holidays=(unknown,))).check_known(CALENDARS)
    (problem,) = refusal.value.problems
    assert (problem.pointer, problem.code) == (pointer, "UNKNOWN_HOLIDAYS")
    assert hint in problem.detail


def test_a_range_without_an_end_closes_for_ever() -> None:
    closed = calendar(ranges=(DateRange(date(2031, 5, 8), date.max),), zone=TimeZone("Pacific/Kiritimati"))
    trigger = daily(closed)
    open_still = [utc("2031-05-06T07:00"), utc("2031-05-07T07:00")]
    assert trigger.upcoming(utc("2031-05-06"), NOTHING, CALENDARS, 9) == open_still
    assert closed.opens_at(utc("2031-05-08"), CALENDARS) == END_OF_TIME
