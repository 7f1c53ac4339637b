"""Zones by name, and the exact moments at which their clocks are changed."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.timing.errors import UnknownTimeZone
from domain.timing.time_zone import TimeZone
from tests.unit.timing.strategies import clock_changes, instants_near, local, local_times, thorough, utc

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Europe/Berln", 'did you mean "Europe/Berlin"?'),
        ("europe/berlin", 'did you mean "Europe/Berlin"?'),
        ("Amerika/New_York", 'did you mean "America/New_York"?'),
        ("utc", 'did you mean "UTC"?'),
        ("", "allowed are IANA names such as Europe/Berlin or UTC."),
        ("+02:00", "allowed are IANA names"),
        ("America", "There is no time zone"),
        ("../../etc/passwd", "There is no time zone"),
        ("/etc/localtime", "There is no time zone"),
        ("localtime", "There is no time zone"),  # would mean another zone on every node
        ("right/Europe/Berlin", "There is no time zone"),  # counts leap seconds
        ("Europe/Berlin\0", "There is no time zone"),
        ("x" * 10_000, "There is no time zone"),
    ],
)
def test_an_unknown_zone_is_refused_with_the_nearest_name(name: str, hint: str) -> None:
    with pytest.raises(UnknownTimeZone) as refusal:
        TimeZone(name)
    (problem,) = refusal.value.problems
    assert (problem.pointer, problem.code) == ("/timeZone", "UNKNOWN_TIME_ZONE")
    assert hint in problem.detail


def test_zones_are_equal_by_name() -> None:
    assert TimeZone("Asia/Kathmandu") == TimeZone("Asia/Kathmandu")
    assert TimeZone("Asia/Kathmandu") != TimeZone("Asia/Katmandu")
    assert str(TimeZone("Asia/Kathmandu")) == "Asia/Kathmandu"


def test_kathmandu_is_five_hours_and_three_quarters_ahead() -> None:
    zone = TimeZone("Asia/Kathmandu")
    assert zone.local(utc("2026-01-01T00:00")) == local("2026-01-01T05:45")
    assert zone.instant(local("2026-01-01T05:45")) == utc("2026-01-01T00:00")
    assert zone.change_at(local("2026-01-01T05:45")) is None


@pytest.mark.parametrize(
    ("name", "within", "at", "start", "end", "gap"),
    [
        ("Europe/Berlin", "2025-03-30T02:59:59.9", "2025-03-30T01:00", "2025-03-30T02:00", "2025-03-30T03:00", True),
        ("Europe/Berlin", "2025-10-26T02:00", "2025-10-26T01:00", "2025-10-26T02:00", "2025-10-26T03:00", False),
        ("Australia/Lord_Howe", "2025-10-05T02:15", "2025-10-04T15:30", "2025-10-05T02:00", "2025-10-05T02:30", True),
        ("Australia/Lord_Howe", "2025-04-06T01:45", "2025-04-05T15:00", "2025-04-06T01:30", "2025-04-06T02:00", False),
        ("Antarctica/Troll", "2025-03-30T02:30", "2025-03-30T01:00", "2025-03-30T01:00", "2025-03-30T03:00", True),
        ("Africa/Cairo", "2024-04-26T00:00", "2024-04-25T22:00", "2024-04-26T00:00", "2024-04-26T01:00", True),
        ("America/Santiago", "2024-09-08T00:30", "2024-09-08T04:00", "2024-09-08T00:00", "2024-09-08T01:00", True),
        ("America/Santiago", "2024-04-06T23:30", "2024-04-07T03:00", "2024-04-06T23:00", "2024-04-07T00:00", False),
        ("Asia/Beirut", "2024-03-31T00:00", "2024-03-30T22:00", "2024-03-31T00:00", "2024-03-31T01:00", True),
        ("Pacific/Apia", "2011-12-30T17:00", "2011-12-30T10:00", "2011-12-30T00:00", "2011-12-31T00:00", True),
    ],
)
def test_a_clock_change_is_found_from_any_time_within_it(
    name: str, within: str, at: str, start: str, end: str, gap: bool
) -> None:
    zone = TimeZone(name)
    change = zone.change_at(local(within))
    assert change is not None
    assert (change.at, change.is_gap) == (utc(at), gap)
    assert (change.window_start, change.window_end) == (local(start), local(end))
    assert zone.change_at(local(start)) == zone.change_at(local(end) - timedelta(microseconds=1)) == change
    assert zone.change_at(local(start) - timedelta(microseconds=1)) is None
    assert zone.change_at(local(end)) is None


@thorough
@given(st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe"]), local_times)
def test_a_local_time_outside_clock_changes_is_one_instant(name: str, when: datetime) -> None:
    zone = TimeZone(name)
    if zone.change_at(when) is None:
        assert zone.local(zone.instant(when)) == when


@thorough
@given(clock_changes, instants_near)
def test_only_repeated_times_are_shown_twice(change_of: tuple[str, datetime], distance: timedelta) -> None:
    name, at = change_of
    zone, instant = TimeZone(name), at + distance
    shown = zone.local(instant)
    repeats = [at + shift for shift in (distance + HOUR, distance - HOUR, distance + HOUR / 2, distance - HOUR / 2)]
    repeats += [instant + 2 * HOUR, instant - 2 * HOUR]
    change = zone.change_at(shown)
    assert change is None or not change.is_gap  # clocks never show a time that does not exist
    assert (change is not None) == any(zone.local(other) == shown for other in repeats)
