"""Cron triggers of any rule in the zones that break schedulers, in any year from 2000 to 2106."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.timing.cron import CronExpression
from domain.timing.local_time import DstRule, Gap, Overlap, instants
from domain.timing.time_zone import TimeZone
from domain.timing.trigger import TICK, TriggerState
from domain.timing.triggers.cron import CronTrigger
from tests.builders import CALENDARS
from tests.unit.timing.naive_cron import names
from tests.unit.timing.strategies import expressions, quick, thorough, utc

ZONES = (
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "America/Santiago",
    "Pacific/Apia",
    "Antarctica/Troll",
    "Asia/Amman",
    "Asia/Kathmandu",
)
DAY, NOTHING = timedelta(days=1), TriggerState()
triggers = st.builds(
    lambda expression, zone, gap, overlap: CronTrigger(
        expression=expression, zone=TimeZone(zone), dst=DstRule(gap=gap, overlap=overlap)
    ),
    expressions(),
    st.sampled_from(ZONES),
    st.sampled_from(Gap),
    st.sampled_from(Overlap),
)
instants_of_a_century = st.datetimes(
    datetime.fromisoformat("2000-01-01"), datetime.fromisoformat("2106-12-31"), timezones=st.just(UTC)
)


def fires_after(trigger: CronTrigger, after: datetime) -> datetime:
    found = trigger.next_fire(after, NOTHING, CALENDARS)
    assert found is not None
    return found


@thorough
@given(triggers, instants_of_a_century, st.floats(0, 1))
def test_a_fire_is_later_and_the_same_whatever_instant_before_it_one_asks_from(
    trigger: CronTrigger, after: datetime, share: float
) -> None:
    found = fires_after(trigger, after)
    assert found > after
    assert fires_after(trigger, found - TICK) == found
    between = after + (found - after) * share
    assert between >= found or fires_after(trigger, between) == found


@thorough
@given(triggers, instants_of_a_century)
def test_every_fire_matches_the_expression_or_ends_a_gap_over_times_that_do(
    trigger: CronTrigger, after: datetime
) -> None:
    found = fires_after(trigger, after)
    text, rule = trigger.expression.text, trigger.expression.day_match
    local = trigger.zone.local(found)
    change = trigger.zone.change_at(local - TICK)
    skipped = list[datetime]()
    if change is not None and change.is_gap and change.at == found:
        minutes = (change.window_end - change.window_start) // timedelta(minutes=1)
        skipped = [change.window_start + timedelta(minutes=n) for n in range(minutes)]
    assert names(text, local, rule) or any(names(text, time, rule) for time in skipped)


@quick
@given(triggers, instants_of_a_century)
def test_no_local_time_that_matches_is_passed_over(trigger: CronTrigger, after: datetime) -> None:
    """Read off the wall clock minute by minute for a day, independently of the walk."""
    settled = trigger.dst.settled(follows_elapsed_time=trigger.expression.has_wildcard_time)
    first = trigger.zone.local(after).replace(second=0, microsecond=0) - DAY
    expected = {
        instant
        for n in range(3 * 24 * 60)
        if names(trigger.expression.text, local := first + timedelta(minutes=n), trigger.expression.day_match)
        for instant in instants(local, trigger.zone, settled)
        if after < instant <= after + DAY
    }
    walked = set[datetime]()
    found = trigger.next_fire(after, NOTHING, CALENDARS)
    while found is not None and found <= after + DAY:
        walked.add(found)
        found = trigger.next_fire(found, NOTHING, CALENDARS)
    assert walked == expected


@pytest.mark.parametrize("zone", ZONES)
def test_the_29th_of_february_comes_in_each_leap_year_of_the_century(zone: str) -> None:
    trigger = CronTrigger(expression=CronExpression.parse("0 12 29 2 *"), zone=TimeZone(zone))
    found = trigger.upcoming(utc("2000-01-01"), NOTHING, CALENDARS, 26)
    years = [trigger.zone.local(instant).year for instant in found]
    assert years == [year for year in range(2000, 2105, 4) if year != 2100]


def test_the_day_that_samoa_left_out_fires_once_at_its_end() -> None:
    trigger = CronTrigger(expression=CronExpression.parse("0 12 30 12 *"), zone=TimeZone("Pacific/Apia"))
    assert fires_after(trigger, utc("2011-06-01")) == utc("2011-12-30T10:00")
