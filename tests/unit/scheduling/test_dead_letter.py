"""The pace at which dead letters are tried again."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.scheduling.dead_letter import Pace
from domain.scheduling.ids import TaskId
from domain.scheduling.task_status import Gate
from domain.shared.errors import Invalid
from tests.builders import NOON

IDS = [TaskId(UUID(int=n)) for n in range(5)]


def test_without_a_pace_all_are_ready_at_once() -> None:
    assert {(r.ready_at, r.gate) for r in Pace().reopenings(IDS, 0, NOON, NOON)} == {(NOON, None)}


def test_with_one_they_come_one_after_the_other_across_batches() -> None:
    first = list(Pace(2).reopenings(IDS[:3], 0, NOON, NOON))
    second = list(Pace(2).reopenings(IDS[3:], 3, NOON, NOON))
    assert [r.ready_at - NOON for r in first + second] == [timedelta(seconds=n / 2) for n in range(5)]
    assert [r.gate for r in first] == [None, Gate.TIME, Gate.TIME]


@given(st.floats(0.001, 10_000), st.integers(0, 10_000), st.integers(0, 60))
def test_none_is_ready_before_now_and_none_waits_without_a_gate(rate: float, before: int, later: int) -> None:
    now = NOON + timedelta(seconds=later)
    for reopening in Pace(rate).reopenings(IDS, before, NOON, now):
        assert reopening.ready_at >= now
        assert (reopening.gate is Gate.TIME) == (reopening.ready_at > now)


@pytest.mark.parametrize("rate", [0, -1, 10_001, float("nan")])
def test_a_pace_that_is_none_is_refused(rate: float) -> None:
    with pytest.raises(Invalid, match="ratePerSecond"):
        Pace(rate)
