"""FIXED_DELAY: some time after the end of the last run, and always a next time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.timing.errors import InvalidTrigger
from domain.timing.trigger import TICK, TriggerState
from domain.timing.triggers.bounds import LONGEST_STEP, SHORTEST_STEP
from domain.timing.triggers.fixed_delay import FixedDelayTrigger
from tests.builders import CALENDARS
from tests.unit.timing.strategies import utc

NOON = utc("2031-05-06T12:00")
MINUTE = timedelta(minutes=1)

delays = st.timedeltas(SHORTEST_STEP, LONGEST_STEP)
instants = st.datetimes(datetime(1971, 1, 1), datetime(2199, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
states = st.builds(
    TriggerState, last_nominal=st.none() | instants, last_end=st.none() | instants, since=st.none() | instants
)


@given(delays, st.timedeltas(timedelta(0), LONGEST_STEP), states, instants)
def test_whatever_has_happened_there_is_a_next_time_and_it_is_later(
    delay: timedelta, initial: timedelta, state: TriggerState, after: datetime
) -> None:
    found = FixedDelayTrigger(delay=delay, initial_delay=initial).next_fire(after, state, CALENDARS)
    assert found is not None
    assert found > after


@given(delays, instants, st.timedeltas(timedelta(0), LONGEST_STEP))
def test_the_next_time_is_the_end_and_the_delay(delay: timedelta, nominal: datetime, took: timedelta) -> None:
    state = TriggerState(last_nominal=nominal, last_end=nominal + took, since=nominal - MINUTE)
    found = FixedDelayTrigger(delay=delay).next_fire(nominal, state, CALENDARS)
    assert found == nominal + took + delay


@given(delays, st.timedeltas(timedelta(0), LONGEST_STEP), instants)
def test_the_first_time_is_the_activation_and_the_initial_delay(
    delay: timedelta, initial: timedelta, since: datetime
) -> None:
    trigger = FixedDelayTrigger(delay=delay, initial_delay=initial)
    earlier = TriggerState(last_nominal=since - 2 * MINUTE, last_end=since - MINUTE, since=since)
    for state in (TriggerState(since=since), earlier):
        assert trigger.next_fire(trigger.look_from(since, state), state, CALENDARS) == since + initial


def test_an_activation_while_a_run_is_under_way_waits_for_its_end() -> None:
    state = TriggerState(last_nominal=NOON - MINUTE, last_end=NOON + MINUTE, since=NOON)
    assert FixedDelayTrigger(delay=MINUTE).next_fire(NOON - MINUTE, state, CALENDARS) == NOON + 2 * MINUTE


def test_a_later_start_counts_like_an_activation() -> None:
    trigger = FixedDelayTrigger(delay=MINUTE, start_at=NOON, initial_delay=MINUTE)
    since = NOON - timedelta(days=1)
    assert trigger.next_fire(since, TriggerState(since=since), CALENDARS) == NOON + MINUTE


def test_a_time_that_passed_unused_is_not_caught_up() -> None:
    state = TriggerState(last_nominal=NOON, last_end=NOON + MINUTE, since=NOON)
    resumed = NOON + 90 * MINUTE
    assert FixedDelayTrigger(delay=MINUTE).next_fire(resumed, state, CALENDARS) == resumed + MINUTE


def test_a_preview_takes_each_run_to_take_no_time() -> None:
    trigger, state = FixedDelayTrigger(delay=MINUTE, initial_delay=2 * MINUTE), TriggerState(since=NOON)
    assert trigger.upcoming(trigger.look_from(NOON, state), state, CALENDARS, 3) == [
        NOON + n * MINUTE for n in (2, 3, 4)
    ]


def test_it_ends_with_its_limits() -> None:
    state = TriggerState(last_nominal=NOON, last_end=NOON, since=NOON, fired_count=1)
    assert FixedDelayTrigger(delay=MINUTE, end_at=NOON + MINUTE - TICK).next_fire(NOON, state, CALENDARS) is None
    assert FixedDelayTrigger(delay=MINUTE, max_executions=1).next_fire(NOON, state, CALENDARS) is None
    end = datetime.max.replace(tzinfo=UTC) - TICK
    assert FixedDelayTrigger(delay=MINUTE).next_fire(end, state, CALENDARS) is None


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ({"delay": SHORTEST_STEP - TICK}, "/delay"),
        ({"delay": -MINUTE}, "/delay"),
        ({"delay": LONGEST_STEP + TICK}, "/delay"),
        ({"initial_delay": -TICK}, "/initialDelay"),
    ],
)
def test_what_makes_no_sense_is_refused_where_it_stands(given: dict[str, Any], pointer: str) -> None:
    with pytest.raises(InvalidTrigger) as refusal:
        FixedDelayTrigger(**{"delay": MINUTE, **given})
    assert [(p.pointer, p.code) for p in refusal.value.problems] == [(pointer, "OUT_OF_RANGE")]
