"""Start, end, number of executions, jitter and window mean the same for triggers of every type."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import Any
from uuid import UUID

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from domain.timing.cron import CronExpression
from domain.timing.errors import InvalidTrigger
from domain.timing.spread import planned_at, window_end
from domain.timing.time_zone import TimeZone
from domain.timing.trigger import NO_TIME, Trigger, TriggerState
from domain.timing.triggers.any_of import AnyOfTrigger
from domain.timing.triggers.cron import CronTrigger
from domain.timing.triggers.event import EventTrigger
from domain.timing.triggers.fixed_delay import FixedDelayTrigger
from domain.timing.triggers.fixed_rate import FixedRateTrigger
from domain.timing.triggers.one_time import OneTimeTrigger
from tests.builders import CALENDARS, HOUR, MINUTE, NOON, SECOND, cron, every
from tests.unit.timing.strategies import CLOCK_CHANGES, quick, utc

DAY = 24 * HOUR
CHANGES = [(zone, utc(at)) for zone, times in CLOCK_CHANGES.items() for at in times]

spans = st.timedeltas(-2 * DAY, 3 * DAY)
spreads: st.SearchStrategy[dict[str, timedelta]] = st.one_of(
    st.just({}),
    st.sampled_from([40 * SECOND, 11 * MINUTE, 5 * HOUR]).map(lambda each: {"jitter": each}),
    st.sampled_from([40 * SECOND, 7 * MINUTE]).map(lambda each: {"window": each}),
)


def of_every_type(zone: str, around: datetime) -> list[Trigger]:
    expression = CronExpression.parse("*/30 0-4,22 * * *")
    by_cron = CronTrigger(expression=expression, zone=TimeZone(zone))
    by_rate = FixedRateTrigger(every=37 * MINUTE, anchor=around - DAY)
    once = OneTimeTrigger(at=around + HOUR)
    return [
        by_cron,
        by_rate,
        FixedRateTrigger(every=2 * HOUR, initial_delay=MINUTE),
        FixedDelayTrigger(delay=50 * MINUTE),
        once,
        EventTrigger(event_type="paid"),
        AnyOfTrigger(triggers=(by_cron, by_rate, once)),
    ]


@quick
@given(st.sampled_from(CHANGES), st.integers(0, 6), spans, spans, st.none() | st.integers(1, 9), spreads, st.data())
def test_bounds_take_times_away_and_change_none(
    change: tuple[str, datetime],
    type_: int,
    start: timedelta,
    length: timedelta,
    executions: int | None,
    spread: dict[str, Any],
    data: st.DataObject,
) -> None:
    zone, around = change
    free = of_every_type(zone, around)[type_]
    start_at, end_at = around + start, around + start + abs(length) + SECOND
    bounded = replace(free, start_at=start_at, end_at=end_at, max_executions=executions, **spread)
    state = TriggerState(since=around - DAY)
    times = bounded.upcoming(around - 2 * DAY, state, CALENDARS, 40)
    event(f"{free.kind}: {'some' if times else 'none'}")
    if free.is_relative or free.awaits_end:  # these count from the start, if that is later
        assert all(start_at <= nominal <= end_at for nominal in times)
    else:
        every_time = free.upcoming(around - 5 * DAY, state, CALENDARS, 1_000)
        assert times == [t for t in every_time if start_at <= t <= end_at and t > around - 2 * DAY][: executions or 40]
    assert times == sorted(set(times))
    assert executions is None or len(times) <= executions
    job_id = UUID(int=data.draw(st.integers(0, 2**128 - 1)))
    for nominal, following in zip_longest(times, times[1:]):
        planned = planned_at(job_id, nominal, bounded.spread, following)
        assert nominal <= planned <= nominal + bounded.spread
        assert following is None or planned <= following
        if bounded.window:
            assert planned <= window_end(nominal, bounded.window, following) <= (following or nominal + bounded.window)


@given(st.timedeltas(NO_TIME, DAY), st.none() | st.timedeltas(SECOND, DAY))
def test_a_window_ends_with_itself_or_with_the_next_fire(window: timedelta, distance: timedelta | None) -> None:
    following = None if distance is None else NOON + distance
    assert window_end(NOON, window, following) == min(NOON + window, following or NOON + window)


@pytest.mark.parametrize("trigger", of_every_type("Europe/Berlin", NOON), ids=lambda each: each.kind)
def test_jitter_and_window_exclude_each_other_whatever_the_type(trigger: Trigger) -> None:
    with pytest.raises(InvalidTrigger) as refused:
        replace(trigger, jitter=SECOND, window=SECOND)
    assert [(p.pointer, p.code) for p in refused.value.problems] == [("/window", "CONTRADICTION")]
    with pytest.raises(InvalidTrigger) as refused:
        replace(trigger, window=-SECOND)
    assert [(p.pointer, p.code) for p in refused.value.problems] == [("/window", "OUT_OF_RANGE")]


def test_a_window_is_not_longer_than_the_rate() -> None:
    assert FixedRateTrigger(every=HOUR, window=HOUR).spread == HOUR
    with pytest.raises(InvalidTrigger) as refused:
        FixedRateTrigger(every=HOUR, window=HOUR + SECOND)
    (problem,) = refused.value.problems
    assert (problem.pointer, problem.code) == ("/window", "OUT_OF_RANGE")
    assert "PT1H1S" not in problem.detail.split("every")[1]


@pytest.mark.parametrize(
    ("trigger", "longest"),
    [
        (cron("0 2 * * *"), DAY),
        (cron("0 9,10 * * *"), 23 * HOUR),
        (AnyOfTrigger(triggers=(cron("0 2 * * *"), cron("0 14 * * *"))), 12 * HOUR),
        (cron("0 2 * * *", max_executions=3), DAY),
    ],
)
def test_a_window_that_no_two_fires_leave_room_for_is_refused_with_the_job(
    trigger: Trigger, longest: timedelta
) -> None:
    replace(trigger, window=longest).check_new(NOON, CALENDARS)
    with pytest.raises(InvalidTrigger) as refused:
        replace(trigger, window=longest + SECOND).check_new(NOON, CALENDARS)
    assert [(p.pointer, p.code) for p in refused.value.problems] == [("/window", "OUT_OF_RANGE")]


@pytest.mark.parametrize(
    "trigger",
    [FixedDelayTrigger(delay=SECOND), OneTimeTrigger(at=NOON + HOUR), EventTrigger(event_type="paid")],
    ids=lambda each: each.kind,
)
def test_where_the_next_fire_is_not_known_a_window_has_any_length(trigger: Trigger) -> None:
    replace(trigger, window=30 * DAY).check_new(NOON, CALENDARS)


def test_in_a_part_of_several_a_window_is_refused() -> None:
    with pytest.raises(InvalidTrigger) as refused:
        AnyOfTrigger(triggers=(cron("@hourly"), FixedRateTrigger(every=HOUR, window=SECOND)))
    assert [(p.pointer, p.code) for p in refused.value.problems] == [("/triggers/1/window", "NOT_COMBINABLE")]


def test_times_of_a_plan_are_those_of_its_window() -> None:
    nominal = every(HOUR, 2)
    planned = {planned_at(UUID(int=n), nominal[0], 10 * MINUTE, nominal[1]) for n in range(50)}
    assert len(planned) == 50
    assert max(planned) <= window_end(nominal[0], 10 * MINUTE, nominal[1])
