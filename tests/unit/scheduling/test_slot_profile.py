"""How many slots are needed at the same time."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.scheduling.projection import ProjectedFire, Projection
from domain.scheduling.skip import Skip
from domain.scheduling.slot_profile import MOST_BUCKETS, bucket_length, slot_profile
from tests.builders import DAY, HOUR, MINUTE, NOON, SECOND

SPAN = (NOON, NOON + HOUR)


def fires(*minutes: float, skipped: bool = False, is_alone: bool = True) -> Projection:
    skip = Skip(nominal=NOON, reason="x", by="ann") if skipped else None
    times = [NOON + m * MINUTE for m in minutes]
    told = [ProjectedFire(nominal=at, planned=at, skip=skip) for at in times]
    return Projection(fires=told, count=len(told), skipped=0, is_alone=is_alone)


def many(count: int, first: datetime, last: datetime, *, is_alone: bool) -> Projection:
    ends = [ProjectedFire(nominal=at, planned=at) for at in (first, last)]
    return Projection(fires=ends, count=count, skipped=0, is_alone=is_alone)


def needed(*jobs: tuple[Projection, timedelta | None]) -> dict[int, int]:
    """By minute, those in which slots are needed."""
    profile = slot_profile(jobs, SPAN)
    assert profile.length == MINUTE
    return {minute: slots for minute, slots in enumerate(profile.needed) if slots}


def test_runs_at_the_same_time_need_a_slot_each() -> None:
    assert needed((fires(0), 2 * MINUTE), (fires(1), 2 * MINUTE), (fires(5), None)) == {0: 1, 1: 2, 2: 1, 5: 1}


def test_a_run_that_ends_as_another_begins_needs_none_beside_it() -> None:
    assert needed((fires(0, 1, 2), MINUTE), (fires(3), MINUTE)) == {0: 1, 1: 1, 2: 1, 3: 1}


def test_runs_of_a_job_lie_side_by_side_only_where_it_allows_that() -> None:
    assert needed((fires(0, 1, 2), 3 * MINUTE)) == {0: 1, 1: 1, 2: 1}
    assert needed((fires(0, 1, 2, is_alone=False), 3 * MINUTE)) == {0: 1, 1: 2, 2: 3, 3: 2, 4: 1}


def test_a_skipped_fire_needs_none() -> None:
    assert needed((fires(0, 1, skipped=True), MINUTE)) == {}


def test_many_fires_need_all_the_time_what_they_need_at_once() -> None:
    last = NOON + 3 * MINUTE
    assert needed((many(37, NOON, last, is_alone=True), 10 * SECOND)) == dict.fromkeys(range(4), 1)
    assert needed((many(37, NOON, last, is_alone=False), 12 * SECOND)) == dict.fromkeys(range(4), 3)


def test_the_peak_is_where_it_is_reached_first() -> None:
    profile = slot_profile([(fires(2, 9), MINUTE), (fires(2, 9), MINUTE)], SPAN)
    assert (profile.peak, profile.peak_at) == (2, NOON + 2 * MINUTE)
    assert (slot_profile([], SPAN).peak, slot_profile([], SPAN).peak_at) == (0, None)


@pytest.mark.parametrize(
    ("span", "length"), [(SECOND, MINUTE), (HOUR, MINUTE), (DAY, 15 * MINUTE), (31 * DAY, 12 * HOUR)]
)
def test_parts_are_round_and_not_too_many(span: timedelta, length: timedelta) -> None:
    profile = slot_profile([], (NOON, NOON + span))
    assert profile.length == bucket_length((NOON, NOON + span)) == length
    assert len(profile.needed) == -(-span // length) <= MOST_BUCKETS


def starting(at: datetime) -> Projection:
    return Projection(fires=[ProjectedFire(nominal=at, planned=at)], count=1, skipped=0)


runs = st.lists(st.tuples(st.integers(0, 3599), st.integers(1, 900)), max_size=25)


@given(runs)
def test_the_most_of_each_part_is_that_of_its_seconds(given_runs: list[tuple[int, int]]) -> None:
    jobs = [(starting(NOON + start * SECOND), length * SECOND) for start, length in given_runs]
    by_second = [sum(s <= second < s + length for s, length in given_runs) for second in range(3600)]
    assert slot_profile(jobs, SPAN).needed == [max(by_second[m * 60 : m * 60 + 60]) for m in range(60)]
