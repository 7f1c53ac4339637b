"""ONE_TIME: one instant, given as such or by the clocks of a zone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.timing.errors import InvalidTrigger
from domain.timing.local_moment import LocalMoment
from domain.timing.local_time import DstRule, Gap, Overlap
from domain.timing.time_zone import TimeZone
from domain.timing.trigger import TICK, TriggerState
from domain.timing.triggers.one_time import OneTimeTrigger
from tests.builders import CALENDARS
from tests.unit.timing.strategies import clock_changes, instants_near, local, utc

FRESH = TriggerState()
NOON = utc("2031-05-06T12:00")
instants = st.datetimes(datetime(1971, 1, 1), datetime(2199, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


def in_berlin(text: str, gap: Gap = Gap.AUTO, overlap: Overlap = Overlap.AUTO) -> OneTimeTrigger:
    return OneTimeTrigger(at=LocalMoment(local(text), TimeZone("Europe/Berlin"), DstRule(gap, overlap)))


@given(instants, instants)
def test_there_is_one_time_before_it_and_none_from_it_on(at: datetime, after: datetime) -> None:
    found = OneTimeTrigger(at=at).next_fire(after, FRESH, CALENDARS)
    assert found == (at if after < at else None)
    assert OneTimeTrigger(at=at).upcoming(at - TICK, FRESH, CALENDARS, 5) == [at]


def test_an_instant_is_kept_in_utc() -> None:
    trigger = OneTimeTrigger(at=datetime.fromisoformat("2031-05-06T14:00+02:00"))
    assert isinstance(trigger.at, datetime)
    assert (trigger.at, trigger.at.tzinfo) == (NOON, UTC)


def test_a_local_time_is_that_of_its_zone() -> None:
    assert in_berlin("2031-05-06T14:00").next_fire(utc("2031-01-01"), FRESH, CALENDARS) == NOON


@pytest.mark.parametrize(
    ("trigger", "at"),
    [
        (in_berlin("2025-03-30T02:30"), utc("2025-03-30T01:00")),
        (in_berlin("2025-03-30T02:30", gap=Gap.SKIP), None),
        (in_berlin("2025-10-26T02:30"), utc("2025-10-26T00:30")),
        (in_berlin("2025-10-26T02:30", overlap=Overlap.LAST), utc("2025-10-26T01:30")),
    ],
)
def test_a_clock_change_follows_the_rule_given(trigger: OneTimeTrigger, at: datetime | None) -> None:
    assert trigger.next_fire(utc("2025-01-01"), FRESH, CALENDARS) == at


@given(clock_changes, instants_near)
def test_a_local_time_near_a_clock_change_is_one_instant(change: tuple[str, datetime], distance: object) -> None:
    zone, at = change
    moment = LocalMoment((at + distance).replace(tzinfo=None), TimeZone(zone))  # type: ignore[operator]
    instant = moment.instant()
    assert instant is not None
    assert OneTimeTrigger(at=moment).upcoming(utc("1971-01-01"), FRESH, CALENDARS, 3) == [instant]


def test_a_time_that_has_passed_is_no_way_to_begin() -> None:
    OneTimeTrigger(at=NOON + TICK).check_new(NOON, CALENDARS)
    in_berlin("2031-05-06T14:00").check_new(NOON - TICK, CALENDARS)
    for trigger, pointer in ((OneTimeTrigger(at=NOON), "/at"), (in_berlin("2031-05-06T14:00"), "/localTime")):
        with pytest.raises(InvalidTrigger) as refusal:
            trigger.check_new(NOON, CALENDARS)
        assert [(p.pointer, p.code) for p in refusal.value.problems] == [(pointer, "IN_THE_PAST")]
        assert "has passed" in refusal.value.problems[0].detail


def test_nor_is_one_that_does_not_exist() -> None:
    with pytest.raises(InvalidTrigger) as refusal:
        in_berlin("2025-03-30T02:30", gap=Gap.SKIP).check_new(utc("2025-01-01"), CALENDARS)
    assert [(p.pointer, p.code) for p in refusal.value.problems] == [("/localTime", "NEVER_FIRES")]


def test_a_window_bounds_it_like_any_other() -> None:
    assert OneTimeTrigger(at=NOON, start_at=NOON + TICK).next_fire(utc("2031-01-01"), FRESH, CALENDARS) is None
    assert OneTimeTrigger(at=NOON, end_at=NOON).next_fire(utc("2031-01-01"), FRESH, CALENDARS) == NOON


def test_what_is_no_instant_is_refused_where_it_stands() -> None:
    refused: list[tuple[Callable[[], OneTimeTrigger], str, str]] = [
        (lambda: OneTimeTrigger(at=local("2031-05-06T12:00")), "/at", "NO_OFFSET"),
        (lambda: OneTimeTrigger(at=NOON.replace(year=9000)), "/at", "OUT_OF_RANGE"),
        (lambda: in_berlin("9000-01-01T00:00"), "/localTime", "OUT_OF_RANGE"),
        (lambda: in_berlin("2031-05-06T14:00+02:00"), "/localTime", "OFFSET"),
        (lambda: in_berlin("2025-10-26T02:30", overlap=Overlap.BOTH), "/dst/overlap", "CONTRADICTION"),
    ]
    for make, pointer, code in refused:
        with pytest.raises(InvalidTrigger) as refusal:
            make()
        assert [(p.pointer, p.code) for p in refusal.value.problems] == [(pointer, code)]
