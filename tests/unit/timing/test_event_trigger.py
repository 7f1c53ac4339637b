"""EVENT: which events make a job fire."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.timing.errors import InvalidTrigger
from domain.timing.event_pattern import LONGEST_PATTERN, EventPattern, patterns_for
from domain.timing.trigger import TICK, TriggerState
from domain.timing.triggers.event import EventTrigger
from domain.timing.triggers.manual import ManualTrigger
from tests.builders import CALENDARS
from tests.unit.timing.strategies import utc

NOON = utc("2031-05-06T12:00")
words = st.text("ab.*", min_size=1, max_size=6)


@pytest.mark.parametrize(
    ("event_type", "source", "matches"),
    [
        ("com.shop.order.paid", None, True),
        ("com.shop.order.*", None, True),
        ("*", None, True),
        ("com.shop.order", None, False),
        ("com.shop.order.paid.*", None, False),
        ("com.shop.order.PAID", None, False),
        ("com.shop.order.paid", "/shops/berlin", True),
        ("com.shop.order.paid", "/shops/*", True),
        ("com.shop.order.paid", "/shops", False),
        ("com.shop.order.refunded", "/shops/*", False),
    ],
)
def test_an_event_is_meant_by_its_type_and_source(event_type: str, source: str | None, matches: bool) -> None:
    trigger = EventTrigger(event_type=event_type, source=source)
    assert trigger.accepts("com.shop.order.paid", "/shops/berlin", NOON) is matches


@given(words, words)
def test_the_patterns_listed_for_a_text_are_those_that_match_it(pattern: str, text: str) -> None:
    if "*" not in pattern[:-1]:
        assert EventPattern(pattern).matches(text, "any") == (pattern in patterns_for(text))


def test_a_very_long_type_has_no_more_patterns_than_may_be_given() -> None:
    listed = patterns_for("x" * 5000)
    assert len(listed) == LONGEST_PATTERN + 2
    assert "x" * (LONGEST_PATTERN - 1) + "*" in listed


def test_events_outside_the_window_are_not_meant() -> None:
    trigger = EventTrigger(event_type="a", start_at=NOON, end_at=NOON + timedelta(hours=1))
    inside = [NOON, NOON + timedelta(hours=1)]
    assert [trigger.accepts("a", "s", at) for at in (NOON - TICK, *inside, inside[1] + TICK)] == [
        False,
        True,
        True,
        False,
    ]


def test_it_has_no_times_of_its_own() -> None:
    trigger = EventTrigger(event_type="a")
    assert not trigger.by_clock
    assert trigger.next_fire(NOON, TriggerState(), CALENDARS) is None


def test_other_triggers_mean_no_event() -> None:
    assert not ManualTrigger().accepts("a", "s", NOON)


@pytest.mark.parametrize(
    ("event_type", "source", "pointer", "code", "offset"),
    [
        ("", None, "/eventType", "OUT_OF_RANGE", None),
        ("x" * 256, None, "/eventType", "OUT_OF_RANGE", None),
        ("a.*.b", None, "/eventType", "SYNTAX", 2),
        ("**", None, "/eventType", "SYNTAX", 0),
        ("a\0", None, "/eventType", "SYNTAX", 1),
        ("a", "", "/source", "OUT_OF_RANGE", None),
        ("a", "*s", "/source", "SYNTAX", 0),
    ],
)
def test_what_is_no_pattern_is_refused_where_it_stands(
    event_type: str, source: str | None, pointer: str, code: str, offset: int | None
) -> None:
    with pytest.raises(InvalidTrigger) as refusal:
        EventTrigger(event_type=event_type, source=source)
    assert [(p.pointer, p.code, p.offset) for p in refusal.value.problems] == [(pointer, code, offset)]
