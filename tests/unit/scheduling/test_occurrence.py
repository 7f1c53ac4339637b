"""The keys under which the ledger knows a fire."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from domain.scheduling.occurrence import manual_fire_key, schedule_fire_key
from tests.builders import NOON, uid
from tests.unit.scheduling.strategies import instants

offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


def test_a_scheduled_fire_is_known_by_its_instant() -> None:
    assert schedule_fire_key(NOON) == "2031-05-06T12:00:00Z"
    assert schedule_fire_key(NOON + timedelta(microseconds=500_000)) == "2031-05-06T12:00:00.500000Z"
    assert schedule_fire_key(datetime(2031, 5, 6, 14, tzinfo=ZoneInfo("Europe/Berlin"))) == schedule_fire_key(NOON)


@given(instants, offsets)
def test_the_key_is_the_same_in_whatever_zone_the_instant_is_written(instant: datetime, offset: timezone) -> None:
    assert schedule_fire_key(instant.astimezone(offset)) == schedule_fire_key(instant)


@given(instants, instants)
def test_two_instants_never_share_a_key(one: datetime, other: datetime) -> None:
    assert (schedule_fire_key(one) == schedule_fire_key(other)) == (one == other)


@given(instants)
def test_the_key_reads_back_as_the_instant(instant: datetime) -> None:
    assert datetime.fromisoformat(schedule_fire_key(instant)).astimezone(UTC) == instant


def test_a_manual_run_never_shares_a_key_with_the_schedule() -> None:
    assert manual_fire_key(uid(7)) == f"manual:{uid(7)}"
