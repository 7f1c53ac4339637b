"""FIXED_RATE: anchor + n * every, exactly, however long ago the anchor was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.timing.errors import InvalidTrigger
from domain.timing.trigger import TICK, TriggerState
from domain.timing.triggers.bounds import LONGEST_STEP, SHORTEST_STEP
from domain.timing.triggers.fixed_rate import FixedRateTrigger
from tests.builders import CALENDARS
from tests.unit.timing.strategies import utc

FRESH = TriggerState()
NOON = utc("2031-05-06T12:00")
MINUTE = timedelta(minutes=1)

steps = st.timedeltas(SHORTEST_STEP, LONGEST_STEP)
instants = st.datetimes(datetime(1971, 1, 1), datetime(2199, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


@given(steps, instants, instants)
def test_every_time_is_the_anchor_and_a_whole_number_of_steps_and_none_is_left_out(
    every: timedelta, anchor: datetime, after: datetime
) -> None:
    trigger = FixedRateTrigger(every=every, anchor=anchor)
    found = trigger.next_fire(after, FRESH, CALENDARS)
    assert found is not None
    assert found > after
    assert found >= anchor
    assert (found - anchor) % every == timedelta(0)
    assert found == anchor or found - every <= after
    assert trigger.next_fire(found - TICK, FRESH, CALENDARS) == found


@given(steps, instants, st.integers(0, 1000))
def test_times_do_not_drift(every: timedelta, anchor: datetime, start: int) -> None:
    trigger = FixedRateTrigger(every=every, anchor=anchor)
    times = trigger.upcoming(anchor + start * every - TICK, FRESH, CALENDARS, 9)
    assert times == [anchor + (start + n) * every for n in range(9)]


@given(steps, st.timedeltas(timedelta(0), LONGEST_STEP), instants, st.integers(0, 1000))
def test_without_an_anchor_times_count_from_the_activation(
    every: timedelta, delay: timedelta, since: datetime, start: int
) -> None:
    trigger = FixedRateTrigger(every=every, initial_delay=delay)
    state, first = TriggerState(since=since, last_nominal=since - every, fired_count=3), since + delay
    assert trigger.next_fire(trigger.look_from(since, state), state, CALENDARS) == first
    assert trigger.next_fire(first + start * every, state, CALENDARS) == first + (start + 1) * every


def test_the_first_fire_may_be_at_the_activation_itself() -> None:
    trigger, state = FixedRateTrigger(every=MINUTE), TriggerState(since=NOON)
    assert trigger.upcoming(trigger.look_from(NOON, state), state, CALENDARS, 2) == [NOON, NOON + MINUTE]
    later = NOON + timedelta(seconds=90)
    assert trigger.upcoming(trigger.look_from(later, state), state, CALENDARS, 1) == [NOON + 2 * MINUTE]


def test_a_later_start_is_where_times_begin() -> None:
    start = NOON + timedelta(days=3, microseconds=7)
    trigger = FixedRateTrigger(every=timedelta(hours=1), initial_delay=MINUTE, start_at=start)
    assert trigger.next_fire(NOON, TriggerState(since=NOON), CALENDARS) == start + MINUTE
    late = start + timedelta(days=1)
    assert trigger.next_fire(late, TriggerState(since=late), CALENDARS) == late + MINUTE


def test_an_anchor_is_no_reason_to_start_before_it_nor_a_start_to_leave_its_steps() -> None:
    trigger = FixedRateTrigger(every=timedelta(hours=1), anchor=NOON, start_at=NOON + 90 * MINUTE)
    assert trigger.next_fire(NOON - timedelta(days=9), FRESH, CALENDARS) == NOON + timedelta(hours=2)


def test_a_job_that_was_never_activated_is_looked_at_as_if_it_were_now() -> None:
    trigger = FixedRateTrigger(every=MINUTE, initial_delay=timedelta(seconds=5))
    assert trigger.next_fire(NOON, FRESH, CALENDARS) == NOON + timedelta(seconds=5)


def test_clock_changes_move_nothing() -> None:
    before = utc("2025-03-29T12:00")
    trigger = FixedRateTrigger(every=timedelta(hours=24), anchor=datetime.fromisoformat("2025-03-01T13:00+01:00"))
    assert trigger.upcoming(before, FRESH, CALENDARS, 2) == [before + timedelta(days=n) for n in (1, 2)]


def test_times_end_with_the_calendar() -> None:
    trigger = FixedRateTrigger(every=timedelta(days=366), anchor=NOON)
    end = datetime.max.replace(tzinfo=UTC)
    assert trigger.next_fire(end - timedelta(days=1), FRESH, CALENDARS) is None


@pytest.mark.parametrize(
    ("given", "problems"),
    [
        ({"every": timedelta(0)}, [("/every", "OUT_OF_RANGE")]),
        ({"every": -MINUTE}, [("/every", "OUT_OF_RANGE")]),
        ({"every": SHORTEST_STEP - TICK}, [("/every", "OUT_OF_RANGE")]),
        ({"every": LONGEST_STEP + TICK}, [("/every", "OUT_OF_RANGE")]),
        ({"initial_delay": -TICK}, [("/initialDelay", "OUT_OF_RANGE")]),
        ({"initial_delay": LONGEST_STEP + TICK}, [("/initialDelay", "OUT_OF_RANGE")]),
        ({"anchor": NOON, "initial_delay": MINUTE}, [("/initialDelay", "CONTRADICTION")]),
        ({"anchor": NOON.replace(tzinfo=None)}, [("/anchor", "NO_OFFSET")]),
        ({"anchor": NOON.replace(year=1969)}, [("/anchor", "OUT_OF_RANGE")]),
        ({"anchor": NOON.replace(year=9000)}, [("/anchor", "OUT_OF_RANGE")]),
        ({"every": timedelta(0), "jitter": -TICK}, [("/jitter", "OUT_OF_RANGE"), ("/every", "OUT_OF_RANGE")]),
    ],
)
def test_what_makes_no_sense_is_refused_where_it_stands(given: dict[str, Any], problems: list[tuple[str, str]]) -> None:
    with pytest.raises(InvalidTrigger) as refusal:
        FixedRateTrigger(**{"every": MINUTE, **given})
    assert [(p.pointer, p.code) for p in refusal.value.problems] == problems
