"""Priority and the rank it gives: higher goes first, and nothing starves."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.scheduling.priority import AGEING_STEP, PRIORITY_NAMES, Priority, parse_priority, rank
from domain.shared.errors import Invalid
from tests.builders import HOUR, NOON, SECOND
from tests.unit.scheduling.strategies import instants

levels = st.integers(1, 10).map(Priority)


@pytest.mark.parametrize(
    ("name", "level"), [("LOWEST", 1), ("LOW", 3), ("NORMAL", 5), ("HIGH", 7), ("HIGHEST", 10), ("high", 7)]
)
def test_a_priority_has_a_name_in_any_case(name: str, level: int) -> None:
    assert parse_priority(name) == level


@pytest.mark.parametrize("level", range(1, 11))
def test_a_priority_is_a_level_from_1_to_10(level: int) -> None:
    assert parse_priority(level) == level


@pytest.mark.parametrize("value", [0, 11, -1, True, "", "URGENT", "5"])
def test_anything_else_is_refused_and_the_names_are_told(value: int | str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_priority(value)
    (problem,) = refused.value.problems
    assert (problem.pointer, problem.code) == ("", "INVALID_PRIORITY")
    assert all(name in problem.detail for name in PRIORITY_NAMES)


@given(instants, levels, levels)
def test_of_tasks_ready_at_once_the_higher_priority_goes_first(ready: datetime, one: Priority, other: Priority) -> None:
    assert (rank(ready, one) < rank(ready, other)) == (one > other)


@given(instants, st.timedeltas(SECOND / 1_000_000, 24 * HOUR), levels)
def test_of_equal_priority_the_one_ready_first_goes_first(ready: datetime, later: timedelta, level: Priority) -> None:
    assert rank(ready, level) < rank(ready + later, level)


@given(instants, st.timedeltas(9 * HOUR, 1000 * HOUR), levels, levels)
def test_whoever_waited_nine_hours_is_overtaken_by_nobody_who_comes_now(
    ready: datetime, waited: timedelta, own: Priority, of_the_newcomer: Priority
) -> None:
    assert rank(ready, own) <= rank(ready + waited, of_the_newcomer)


def test_the_lowest_gives_way_to_the_highest_until_nine_steps_have_passed() -> None:
    lowest, highest = Priority(1), Priority(10)
    assert rank(NOON, lowest) > rank(NOON + 9 * AGEING_STEP - SECOND, highest)
    assert rank(NOON, lowest) == rank(NOON + 9 * AGEING_STEP, highest)
    assert rank(NOON, lowest) < rank(NOON + 9 * AGEING_STEP + SECOND, highest)


def test_a_rank_counts_microseconds() -> None:
    assert rank(NOON + SECOND / 1_000_000, Priority(1)) - rank(NOON, Priority(1)) == 1
    assert rank(NOON, Priority(1)) == NOON.timestamp() * 1_000_000
