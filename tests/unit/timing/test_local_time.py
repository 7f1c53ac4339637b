"""Daylight saving time: every rule, every awkward zone, and the whole walk held against a minute-by-minute reading."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.timing.cron import CronExpression
from domain.timing.local_time import DstRule, Gap, Overlap, first_instant_after, instants
from domain.timing.time_zone import TimeZone
from infrastructure.cron import CroniterCalendar
from tests.unit.timing.naive_cron import names
from tests.unit.timing.strategies import HOURS, MINUTES, clock_changes, instants_near, local, quick, thorough, utc

CALENDAR = CroniterCalendar()
MINUTE, MICROSECOND = timedelta(minutes=1), timedelta(microseconds=1)


def fires(text: str, zone: str, after: datetime, until: datetime, rule: DstRule | None = None) -> list[datetime]:
    """All instants in (after, until], as a trigger finds them one after the other."""
    expression = CronExpression.parse(text)
    settled = (rule or DstRule()).settled(follows_elapsed_time=expression.has_wildcard_time)
    found, times = after, list[datetime]()
    while True:
        step = first_instant_after(found, TimeZone(zone), settled, lambda when: CALENDAR.next_local(expression, when))
        if step is None or step > until:
            return times
        times.append(step)
        found = step


@pytest.mark.parametrize(
    ("zone", "text", "day", "times"),
    [
        # Fixed times run once: right at the end of a gap, the first time in an overlap.
        ("Europe/Berlin", "30 2 * * *", "2025-03-29T23:00", "30T01:00"),
        ("Europe/Berlin", "30 2 * * *", "2025-10-25T22:00", "26T00:30"),
        ("Europe/Berlin", "0,20,40 2,3 * * *", "2025-03-29T23:00", "30T01:00 30T01:20 30T01:40"),
        ("Europe/Berlin", "0 30 2 * * *", "2025-03-29T23:00", "30T01:00"),
        ("America/New_York", "30 2 * * *", "2025-03-09T05:00", "09T07:00"),
        ("America/New_York", "30 1 * * *", "2025-11-02T04:00", "02T05:30"),
        ("Australia/Lord_Howe", "15 2 * * *", "2025-10-04T13:30", "04T15:30"),
        ("Australia/Lord_Howe", "45 1 * * *", "2025-04-05T13:00", "05T14:45"),
        ("Antarctica/Troll", "30 1,2 * * *", "2025-03-30T00:00", "30T01:00"),
        ("Antarctica/Troll", "30 1,2 * * *", "2025-10-25T22:00", "25T23:30 26T00:30"),
        ("Africa/Cairo", "0 0 * * *", "2024-04-25T21:00", "25T22:00"),
        ("Africa/Cairo", "30 23 * * *", "2024-10-31T12:00", "31T20:30"),
        ("America/Santiago", "@daily", "2024-09-08T03:00", "08T04:00"),
        ("Asia/Beirut", "5 0 * * *", "2024-03-30T12:00", "30T22:00"),
        ("Pacific/Apia", "0 12 * * *", "2011-12-29T22:00", "30T10:00 30T22:00"),
        ("Asia/Kathmandu", "0 6 * * *", "2026-01-01T00:00", "01T00:15"),
        # Wildcards follow elapsed time: what does not exist is left out, what comes again fires again.
        ("Europe/Berlin", "*/30 2 * * *", "2025-03-29T23:00", ""),
        ("Europe/Berlin", "*/30 2 * * *", "2025-10-25T22:00", "26T00:00 26T00:30 26T01:00 26T01:30"),
        ("Europe/Berlin", "0 */2 * * *", "2025-03-30T00:00", "30T02:00 30T04:00"),
        ("Australia/Lord_Howe", "45 * * * *", "2025-04-05T14:00", "05T14:45 05T15:15 05T16:15"),
        ("Pacific/Apia", "0 */12 * * *", "2011-12-29T20:00", "29T22:00 30T10:00 30T22:00"),
    ],
)
def test_the_default_does_as_debian_cron(zone: str, text: str, day: str, times: str) -> None:
    start = utc(day)
    expected = [utc(day[:8] + time) for time in times.split()]
    until = expected[-1] + MINUTE if expected else start + timedelta(hours=5)
    assert fires(text, zone, start, until) == expected


SPRING, AUTUMN = ("2025-03-29T23:00", "2025-03-30T03:00"), ("2025-10-25T22:00", "2025-10-26T03:00")


@pytest.mark.parametrize(
    ("rule", "text", "day", "times"),
    [
        (DstRule(gap=Gap.SHIFT), "*/30 2 * * *", SPRING, ["01:00"]),
        (DstRule(gap=Gap.SKIP), "30 2 * * *", SPRING, []),
        (DstRule(overlap=Overlap.FIRST), "*/30 2 * * *", AUTUMN, ["00:00", "00:30"]),
        (DstRule(overlap=Overlap.LAST), "*/30 2 * * *", AUTUMN, ["01:00", "01:30"]),
        (DstRule(overlap=Overlap.BOTH), "0,30 2 * * *", AUTUMN, ["00:00", "00:30", "01:00", "01:30"]),
        (DstRule(overlap=Overlap.LAST), "30 1-3 * * *", AUTUMN, ["23:30", "01:30", "02:30"]),
        (DstRule(overlap=Overlap.FIRST), "30 * * * *", AUTUMN, ["22:30", "23:30", "00:30", "02:30"]),
    ],
)
def test_a_rule_can_be_chosen(rule: DstRule, text: str, day: tuple[str, str], times: list[str]) -> None:
    found = fires(text, "Europe/Berlin", utc(day[0]), utc(day[1]), rule)
    assert [time.strftime("%H:%M") for time in found] == times


@pytest.mark.parametrize(
    ("overlap", "times"),
    [
        (Overlap.FIRST, ["00:40", "02:00"]),
        (Overlap.LAST, ["01:00", "01:20", "01:40", "02:00"]),
        (Overlap.BOTH, ["00:40", "01:00", "01:20", "01:40", "02:00"]),
    ],
)
def test_the_repeated_hour_can_be_entered_in_its_middle(overlap: Overlap, times: list[str]) -> None:
    first_pass = utc("2025-10-26T00:30")
    found = fires("*/20 * * * *", "Europe/Berlin", first_pass, utc("2025-10-26T02:00"), DstRule(overlap=overlap))
    assert [time.strftime("%H:%M") for time in found] == times


def test_the_first_time_after_the_repeated_hour_is_not_taken_for_one_in_it() -> None:
    found = fires(
        "0 3 * * *", "Europe/Berlin", utc("2025-10-26T00:30"), utc("2025-10-27"), DstRule(overlap=Overlap.BOTH)
    )
    assert found == [utc("2025-10-26T02:00")]


@pytest.mark.parametrize("minutes", [120, 61, 60, 59, 30, 1, 0.000001])
def test_before_a_gap_the_answer_is_its_end_wherever_one_asks(minutes: float) -> None:
    end = utc("2025-03-30T01:00")
    after = end - timedelta(minutes=minutes)
    assert fires("0,15,30,45 2 * * *", "Europe/Berlin", after, end + timedelta(hours=20)) == [end]


def test_times_that_only_ever_fall_into_gaps_are_given_up() -> None:
    always_skipped = CronExpression.parse("* * 2 * 3 0L")  # the Sunday on which Berlin's clocks are put forward
    walked = list[datetime]()

    def next_local(after: datetime) -> datetime | None:
        walked.append(after)
        return CALENDAR.next_local(always_skipped, after)

    rule = DstRule(gap=Gap.SKIP, overlap=Overlap.FIRST)
    assert first_instant_after(utc("2026-01-01"), TimeZone("Europe/Berlin"), rule, next_local) is None
    assert len(walked) == 402  # one for each of 400 years and the present one, none for each second of a gap


def test_no_further_local_time_means_no_further_instant() -> None:
    assert first_instant_after(utc("2026-01-01"), TimeZone("UTC"), DstRule(), lambda _: None) is None


@pytest.mark.parametrize(
    ("when", "rule", "times"),
    [
        ("2025-06-01T12:00", DstRule(), ["2025-06-01T10:00"]),
        ("2025-03-30T02:30", DstRule(), ["2025-03-30T01:00"]),
        ("2025-03-30T02:30", DstRule(gap=Gap.SHIFT), ["2025-03-30T01:00"]),
        ("2025-03-30T02:30", DstRule(gap=Gap.SKIP), []),
        ("2025-10-26T02:30", DstRule(), ["2025-10-26T00:30"]),
        ("2025-10-26T02:30", DstRule(overlap=Overlap.LAST), ["2025-10-26T01:30"]),
        ("2025-10-26T02:30", DstRule(overlap=Overlap.BOTH), ["2025-10-26T00:30", "2025-10-26T01:30"]),
    ],
)
def test_a_single_local_time_counts_by_the_same_rules(when: str, rule: DstRule, times: list[str]) -> None:
    assert instants(local(when), TimeZone("Europe/Berlin"), rule) == tuple(utc(time) for time in times)


rules = st.builds(DstRule, st.sampled_from([Gap.SHIFT, Gap.SKIP]), st.sampled_from([*Overlap][:3]))
time_texts = st.tuples(MINUTES, HOURS).map(lambda parts: f"{parts[0]} {parts[1]} * * *")


def by_the_minute(text: str, zone: ZoneInfo, rule: DstRule, after: datetime, until: datetime) -> list[datetime]:
    """What should fire in (after, until], read off a clock in the zone minute by minute."""
    times = list[datetime]()
    instant = after.replace(second=0, microsecond=0)
    clock = instant.astimezone(zone).replace(tzinfo=None)
    while (instant := instant + MINUTE) <= until:
        shown = instant.astimezone(zone)
        expected, clock = clock + MINUTE, shown.replace(tzinfo=None)
        missing = [expected + n * MINUTE for n in range((clock - expected) // MINUTE)]
        fires_now = rule.gap is Gap.SHIFT and any(names(text, time) for time in missing)
        if names(text, clock):
            twice = shown.utcoffset() != shown.replace(fold=1 - shown.fold).utcoffset()
            second_pass = shown.fold == 1
            fires_now |= not twice or rule.overlap is Overlap.BOTH or (rule.overlap is Overlap.LAST) == second_pass
        if fires_now:
            times.append(instant)
    return times


@quick
@given(time_texts, clock_changes, instants_near, rules)
def test_around_a_clock_change_exactly_the_right_instants_fire(
    text: str, change: tuple[str, datetime], distance: timedelta, rule: DstRule
) -> None:
    zone, at = change
    after = at + distance
    until = after + timedelta(hours=6)
    assert fires(text, zone, after, until, rule) == by_the_minute(text, ZoneInfo(zone), rule, after, until)


@thorough
@given(time_texts, clock_changes, instants_near, st.builds(DstRule, st.sampled_from(Gap), st.sampled_from(Overlap)))
def test_the_next_fire_is_later_and_the_same_until_it_is_reached(
    text: str, change: tuple[str, datetime], distance: timedelta, rule: DstRule
) -> None:
    zone, at = change
    expression = CronExpression.parse(text)
    settled = rule.settled(follows_elapsed_time=expression.has_wildcard_time)

    def ask(after: datetime) -> datetime:
        found = first_instant_after(after, TimeZone(zone), settled, lambda when: CALENDAR.next_local(expression, when))
        assert found is not None
        return found

    after = at + distance
    found = ask(after)
    assert found > after
    assert ask(found - MICROSECOND) == found
    assert ask(after + (found - after) / 2) == found or after + (found - after) / 2 == found
