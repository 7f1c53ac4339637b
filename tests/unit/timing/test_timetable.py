"""Many times at once are the times one by one, also where clocks are changed."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.timing.cron import CronExpression
from domain.timing.local_time import DstRule, Gap, Overlap
from domain.timing.time_zone import TimeZone
from domain.timing.timetable import Stretch, Timetable
from domain.timing.trigger import Trigger, TriggerState
from domain.timing.triggers.any_of import AnyOfTrigger
from domain.timing.triggers.cron import CronTrigger
from domain.timing.triggers.fixed_rate import FixedRateTrigger
from domain.timing.triggers.one_time import OneTimeTrigger
from tests.builders import CALENDARS, DAY, HOUR, MINUTE, NOON, SECOND, TimesTrigger, cron, every
from tests.unit.timing.strategies import clock_changes, expressions, instants_near, thorough, utc

MOST = 2000
STATE = TriggerState(since=NOON)


def walked(trigger: Trigger, start: datetime, end: datetime) -> list[datetime]:
    found, after = list[datetime](), start - timedelta(microseconds=1)
    while (fire := trigger.next_fire(after, STATE, CALENDARS)) is not None and fire < end and len(found) < MOST:
        found.append(fire)
        after = fire
    return found


def between(trigger: Trigger, start: datetime, end: datetime) -> list[datetime]:
    return list(trigger.between(start, end, STATE, CALENDARS, MOST))[:MOST]


@given(expressions(), clock_changes, instants_near, st.sampled_from(list(Gap)), st.sampled_from(list(Overlap)))
@thorough
def test_the_times_of_a_cron_expression_around_clock_changes(
    expression: CronExpression, change: tuple[str, datetime], distance: timedelta, gap: Gap, overlap: Overlap
) -> None:
    start = change[1] + distance - DAY
    trigger = CronTrigger(expression=expression, zone=TimeZone(change[0]), dst=DstRule(gap, overlap))
    assert between(trigger, start, start + 3 * DAY) == walked(trigger, start, start + 3 * DAY)


@given(expressions(), clock_changes, st.integers(1, 400))
@thorough
def test_the_times_of_a_cron_expression_over_a_year(
    expression: CronExpression, change: tuple[str, datetime], days: int
) -> None:
    trigger = CronTrigger(expression=expression, zone=TimeZone(change[0]))
    start = change[1] - 3 * DAY
    found, expected = between(trigger, start, start + days * DAY), walked(trigger, start, start + days * DAY)
    assert found == expected


PARTS = (cron("*/7 * * * *", "Africa/Cairo"), FixedRateTrigger(every=7 * MINUTE), OneTimeTrigger(at=NOON + 50 * MINUTE))


@pytest.mark.parametrize(
    "trigger",
    [
        *PARTS,
        FixedRateTrigger(every=17 * SECOND, anchor=NOON - DAY),
        FixedRateTrigger(every=17 * SECOND, initial_delay=3 * SECOND),
        AnyOfTrigger(triggers=PARTS),
        TimesTrigger(times=every(MINUTE, 90)),
        cron("*/5 * * * *", start_at=NOON + 10 * MINUTE, end_at=NOON + HOUR),
        FixedRateTrigger(every=MINUTE, start_at=NOON + 10 * MINUTE, end_at=NOON + HOUR),
        cron("-"),
    ],
    ids=lambda trigger: trigger.kind,
)
@pytest.mark.parametrize("start", [NOON, NOON + MINUTE / 2, NOON - HOUR])
def test_the_times_of_every_type_of_trigger(trigger: Trigger, start: datetime) -> None:
    for end in (start, start + HOUR, start + 2 * HOUR + SECOND):
        assert between(trigger, start, end) == walked(trigger, start, end)


def test_of_times_that_are_found_one_by_one_so_many_are_and_it_is_said_that_there_are_more() -> None:
    for trigger in (TimesTrigger(times=every(SECOND, 50)), AnyOfTrigger(triggers=(cron("* * * * * *"),))):
        some = trigger.between(NOON, NOON + HOUR, STATE, CALENDARS, 10)
        assert (list(some), some.is_whole) == (list(every(SECOND, 10)), False)
        assert trigger.between(NOON, NOON + 10 * SECOND, STATE, CALENDARS, 10).is_whole


def test_a_year_of_seconds_is_known_without_telling_them() -> None:
    table = cron("* * * * * *", "Europe/Berlin").between(NOON, NOON + 365 * DAY, STATE, CALENDARS, 10)
    assert (len(table), table[0], table[-1 + len(table)]) == (365 * 86_400, NOON, NOON + 365 * DAY - SECOND)
    assert table.place(NOON + 100 * DAY) == 100 * 86_400


def test_a_trigger_that_has_fired_often_enough_has_no_times() -> None:
    trigger = cron("* * * * *", max_executions=3)
    assert len(trigger.between(NOON, NOON + HOUR, TriggerState(fired_count=2), CALENDARS, 10)) == 60
    assert len(trigger.between(NOON, NOON + HOUR, TriggerState(fired_count=3), CALENDARS, 10)) == 0


@given(st.lists(st.lists(st.integers(0, 50), unique=True).map(sorted), max_size=5), st.integers(-10, 400))
def test_a_timetable_counts_and_finds_as_a_list_does(parts: list[list[int]], wanted: int) -> None:
    table = Timetable([Stretch(60 * n, part) for n, part in enumerate(parts)])
    times = list(table)
    assert [table[n] for n in range(len(table))] == times
    instant = utc("1970-01-01T00:00") + timedelta(microseconds=wanted)
    assert table.place(instant) == sum(time < instant for time in times)
