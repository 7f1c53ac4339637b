"""What a backfill spans, and the walk over its times in both directions."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.scheduling.backfill_plan import STRETCH, BackfillOrder, BackfillPlan, Walk
from domain.shared.errors import Invalid
from domain.timing.trigger import Trigger
from tests.builders import CALENDARS, DAY, HOUR, MINUTE, NOON, SECOND, TimesTrigger, cron, every

NEWEST = BackfillOrder.NEWEST_FIRST


def plan(begin: datetime = NOON, end: datetime = NOON + DAY, **fields: Any) -> BackfillPlan:
    return BackfillPlan(begin=begin, end=end, **fields)


def walked(of: BackfillPlan, trigger: Trigger) -> list[list[datetime]]:
    """Stretch by stretch, to the end."""
    walk, frontier, stretches = Walk(of, trigger, CALENDARS, None), None, list[list[datetime]]()
    while True:
        stretch = walk.after(frontier)
        stretches.append(list(stretch.times))
        if stretch.is_last:
            return stretches
        frontier = stretch.frontier


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"end": NOON}, "/to"),
        ({"end": NOON - DAY}, "/to"),
        ({"end": NOON + 3661 * DAY}, "/to"),
        ({"max_live": 0}, "/maxLive"),
        ({"max_live": 10**9}, "/maxLive"),
        ({"per_minute": 0}, "/maxPerMinute"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused_with_its_field(fields: dict[str, Any], pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        plan(**fields)
    assert [p.pointer for p in refused.value.problems] == [pointer]


def test_what_is_still_to_come_cannot_be_backfilled() -> None:
    plan(end=NOON + DAY).check(NOON + DAY)
    with pytest.raises(Invalid, match="lies in the future"):
        plan(end=NOON + DAY).check(NOON + DAY - SECOND)


def test_the_beginning_of_the_span_belongs_to_it_and_its_end_does_not() -> None:
    hourly = TimesTrigger(times=every(HOUR, 100, NOON - DAY))
    assert walked(plan(end=NOON + 3 * HOUR), hourly) == [[NOON, NOON + HOUR, NOON + 2 * HOUR]]
    assert walked(plan(end=NOON + 3 * HOUR, order=NEWEST), hourly) == [[NOON + 2 * HOUR, NOON + HOUR, NOON]]


@given(
    gaps=st.lists(st.integers(1, 10**7) | st.integers(1, 100), max_size=900),
    begin=st.integers(-(10**6), 10**8),
    length=st.integers(1, 10**9),
)
def test_both_directions_find_each_time_of_the_span_once_a_stretch_at_a_time(
    gaps: list[int], begin: int, length: int
) -> None:
    times = [NOON + timedelta(seconds=seconds) for seconds in accumulate(gaps)]
    first = NOON + begin * SECOND
    end = first + min(length * SECOND, 3000 * DAY)
    trigger = TimesTrigger(times=tuple(times))
    expected = [t for t in times if first <= t < end]
    forwards, backwards = walked(plan(first, end), trigger), walked(plan(first, end, order=NEWEST), trigger)
    assert [t for stretch in forwards for t in stretch] == expected
    assert [t for stretch in backwards for t in stretch] == expected[::-1]
    assert all(len(stretch) <= STRETCH for stretch in forwards + backwards)


@pytest.mark.parametrize("order", BackfillOrder)
def test_a_year_of_minutes_is_begun_with_some_hundred_evaluations(order: BackfillOrder) -> None:
    asked = 0

    class Counted(TimesTrigger):
        __slots__ = ()

        def _next_nominal(self, after: datetime, *_: object) -> datetime | None:
            nonlocal asked
            asked += 1
            return after.replace(second=0, microsecond=0) + MINUTE

    stretch = Walk(plan(end=NOON + 366 * DAY, order=order), Counted(times=()), CALENDARS, None).after(None)
    assert STRETCH // 4 < len(stretch.times) <= STRETCH
    assert asked < 5 * STRETCH


def test_a_yearly_job_is_found_at_the_other_end_of_ten_years() -> None:
    yearly = cron("0 0 1 1 *")
    times = [t for stretch in walked(plan(end=NOON + 3600 * DAY, order=NEWEST), yearly) for t in stretch]
    assert [t.year for t in times] == list(range(2041, 2031, -1))
