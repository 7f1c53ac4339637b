"""ANY_OF: the union of several triggers."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.timing.cron import CronExpression
from domain.timing.errors import InvalidTrigger
from domain.timing.event_pattern import EventPattern
from domain.timing.time_zone import TimeZone
from domain.timing.trigger import TICK, Trigger, TriggerState
from domain.timing.triggers.any_of import MOST_PARTS, AnyOfTrigger
from domain.timing.triggers.cron import CronTrigger
from domain.timing.triggers.event import EventTrigger
from domain.timing.triggers.fixed_delay import FixedDelayTrigger
from domain.timing.triggers.fixed_rate import FixedRateTrigger
from domain.timing.triggers.manual import ManualTrigger
from domain.timing.triggers.one_time import OneTimeTrigger
from tests.builders import CALENDARS
from tests.unit.timing.strategies import thorough, utc

NOON = utc("2031-05-06T12:00")
HOUR = timedelta(hours=1)
STATE = TriggerState(since=NOON)


def cron(text: str) -> CronTrigger:
    return CronTrigger(expression=CronExpression.parse(text), zone=TimeZone("Europe/Berlin"))


near = st.timedeltas(-10 * HOUR, 10 * HOUR).map(lambda distance: NOON + distance)
parts = st.one_of(
    st.sampled_from(["*/7 * * * *", "0 * * * *", "30 1 * * *", "* * * * *"]).map(cron),
    st.builds(FixedRateTrigger, every=st.timedeltas(timedelta(minutes=1), HOUR), anchor=near),
    st.builds(FixedRateTrigger, every=st.sampled_from([HOUR, HOUR / 60])),
    st.builds(OneTimeTrigger, at=near),
    st.builds(OneTimeTrigger, at=near, start_at=near),
    st.just(EventTrigger(event_type="a")),
)


@thorough
@given(st.lists(parts, min_size=1, max_size=5), near)
def test_its_times_are_those_of_its_parts_merged_each_once(some: list[Trigger], after: datetime) -> None:
    union = AnyOfTrigger(triggers=tuple(some))
    merged = sorted({time for part in some for time in part.upcoming(after, STATE, CALENDARS, 12)})
    assert union.upcoming(after, STATE, CALENDARS, 12) == merged[:12]


@given(st.lists(parts, min_size=1, max_size=5), near)
def test_the_next_time_is_later_and_the_next_from_just_before_it(some: list[Trigger], after: datetime) -> None:
    union = AnyOfTrigger(triggers=tuple(some))
    found = union.next_fire(after, STATE, CALENDARS)
    if found is not None:
        assert found > after
        assert union.next_fire(found - TICK, STATE, CALENDARS) == found


def test_its_own_limits_bound_all_parts() -> None:
    union = AnyOfTrigger(
        triggers=(cron("0 * * * *"), OneTimeTrigger(at=NOON + HOUR / 2)), start_at=NOON, end_at=NOON + HOUR
    )
    assert union.upcoming(NOON - HOUR, STATE, CALENDARS, 9) == [NOON, NOON + HOUR / 2, NOON + HOUR]
    twice = AnyOfTrigger(triggers=union.triggers, max_executions=2)
    assert twice.upcoming(NOON, STATE, CALENDARS, 9) == [NOON + HOUR / 2, NOON + HOUR]


def test_events_are_meant_by_any_part_within_its_window() -> None:
    union = AnyOfTrigger(
        triggers=(
            cron("0 * * * *"),
            EventTrigger(event_type="paid", end_at=NOON),
            EventTrigger(event_type="sent"),
            EventTrigger(event_type="sent"),
        ),
        end_at=NOON + HOUR,
    )
    assert union.patterns == (EventPattern("paid"), EventPattern("sent"))
    found = [(kind, union.accepts(kind, "s", NOON + late)) for kind in ("paid", "sent") for late in (0 * HOUR, HOUR)]
    assert found == [("paid", True), ("paid", False), ("sent", True), ("sent", True)]
    assert not union.accepts("sent", "s", NOON + HOUR + TICK)
    assert not union.by_clock


def test_it_counts_from_the_activation_if_a_part_does() -> None:
    assert AnyOfTrigger(triggers=(cron("0 * * * *"), FixedRateTrigger(every=HOUR))).is_relative
    assert not AnyOfTrigger(triggers=(cron("0 * * * *"),)).is_relative
    assert AnyOfTrigger(triggers=(cron("0 * * * *"),)).by_clock


def test_dates_in_a_list_may_pass_as_long_as_some_are_left() -> None:
    past, future = OneTimeTrigger(at=NOON), OneTimeTrigger(at=NOON + HOUR)
    AnyOfTrigger(triggers=(past, future)).check_new(NOON, CALENDARS)
    with pytest.raises(InvalidTrigger) as refusal:
        AnyOfTrigger(triggers=(past, past)).check_new(NOON, CALENDARS)
    assert [p.pointer for p in refusal.value.problems] == ["/triggers/0/at", "/triggers/1/at"]


@pytest.mark.parametrize(
    ("part", "pointer"),
    [
        (AnyOfTrigger(triggers=(cron("* * * * *"),)), "/triggers/1/type"),
        (FixedDelayTrigger(delay=HOUR), "/triggers/1/type"),
        (ManualTrigger(), "/triggers/1/type"),
        (OneTimeTrigger(at=NOON, max_executions=1), "/triggers/1/maxExecutions"),
        (OneTimeTrigger(at=NOON, jitter=HOUR), "/triggers/1/jitter"),
    ],
)
def test_what_cannot_be_a_part_is_refused_where_it_stands(part: Trigger, pointer: str) -> None:
    with pytest.raises(InvalidTrigger) as refusal:
        AnyOfTrigger(triggers=(cron("* * * * *"), part))
    assert [(p.pointer, p.code) for p in refusal.value.problems] == [(pointer, "NOT_COMBINABLE")]


@pytest.mark.parametrize("count", [0, MOST_PARTS + 1])
def test_it_has_some_parts_but_not_any_number(count: int) -> None:
    with pytest.raises(InvalidTrigger) as refusal:
        AnyOfTrigger(triggers=(cron("* * * * *"),) * count)
    assert [p.pointer for p in refusal.value.problems] == ["/triggers"]
