"""Jitter: planned times are spread, bounded, and the same for everyone who asks."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from domain.timing.spread import planned_at
from tests.unit.timing.strategies import local_times, thorough, utc

NOMINAL, MINUTE = utc("2026-01-01T02:00"), timedelta(minutes=1)
jitters = st.timedeltas(timedelta(0), timedelta(days=1))


@thorough
@given(st.uuids(), local_times.map(lambda time: utc(time.isoformat())), jitters, st.none() | jitters)
def test_a_planned_time_keeps_within_the_jitter_and_before_the_next_fire(
    job_id: UUID, nominal: datetime, jitter: timedelta, distance: timedelta | None
) -> None:
    next_nominal = None if distance is None else nominal + timedelta(microseconds=1) + distance
    planned = planned_at(job_id, nominal, jitter, next_nominal)
    assert nominal <= planned <= nominal + jitter
    assert next_nominal is None or planned <= next_nominal
    assert planned == planned_at(job_id, nominal, jitter, next_nominal)


def test_without_jitter_the_planned_time_is_the_nominal_one() -> None:
    assert planned_at(UUID(int=1), NOMINAL, timedelta(0), None) == NOMINAL


def test_the_place_is_the_same_in_every_release() -> None:
    """A node of another release must plan the same fire for the same time."""
    planned = planned_at(UUID("0190a0b0-c0d0-7e0f-8000-000000000001"), NOMINAL, timedelta(minutes=10), None)
    assert planned == utc("2026-01-01T02:01:12.737284")


def test_jobs_are_spread_evenly() -> None:
    minutes = [0] * 10
    for number in range(2_000):
        minutes[(planned_at(UUID(int=number), NOMINAL, 10 * MINUTE, None) - NOMINAL) // MINUTE] += 1
    assert all(150 < count < 250 for count in minutes)  # 200 each, give or take four standard deviations


def test_fires_of_one_job_are_spread_too() -> None:
    days = [NOMINAL + timedelta(days=number) for number in range(50)]
    assert len({planned_at(UUID(int=7), day, timedelta(hours=1), None) - day for day in days}) == 50


def test_a_fire_close_to_the_next_is_spread_over_the_room_there_is() -> None:
    room = timedelta(seconds=2)
    planned = {planned_at(UUID(int=n), NOMINAL, timedelta(hours=1), NOMINAL + room) for n in range(200)}
    assert len(planned) == 200
    assert max(planned) - min(planned) > room * 0.9
