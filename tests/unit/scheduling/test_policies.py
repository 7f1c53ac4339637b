"""Bounds of the policies for late fires and long runs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from domain.scheduling.policies import LONGEST_TIMEOUT, FiringPolicy, Misfire, MisfirePolicy, OverlapPolicy, Timeouts
from domain.shared.errors import Invalid
from tests.builders import MINUTE, SECOND

TICK = timedelta.resolution


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"grace": -TICK}, "/grace"),
        ({"catchup_window": -TICK}, "/catchupWindow"),
        ({"max_fires": 0}, "/maxFires"),
        ({"max_fires": 10_001}, "/maxFires"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused_where_it_is_wrong(fields: dict[str, Any], pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        Misfire(**fields)
    assert [(p.pointer, p.code) for p in refused.value.problems] == [(pointer, "INVALID_MISFIRE")]


def test_by_default_the_latest_fires_once_within_a_minute_and_runs_do_not_overlap() -> None:
    assert FiringPolicy() == FiringPolicy(
        misfire=Misfire(policy=MisfirePolicy.FIRE_ONCE, grace=MINUTE, catchup_window=None, max_fires=100),
        overlap=OverlapPolicy.SKIP,
        jitter=timedelta(0),
        max_executions=None,
    )


def test_only_fire_all_runs_more_than_the_latest() -> None:
    assert {policy: Misfire(policy=policy, max_fires=7).most_fires for policy in MisfirePolicy} == {
        MisfirePolicy.FIRE_ONCE: 1, MisfirePolicy.FIRE_ALL: 7, MisfirePolicy.SKIP: 1
    }  # fmt: skip


@pytest.mark.parametrize("name", ["execution", "queue", "total"])
def test_a_timeout_is_at_least_a_second_and_at_most_a_year(name: str) -> None:
    Timeouts(**{name: SECOND})
    Timeouts(**{name: LONGEST_TIMEOUT})
    for wrong in (SECOND - TICK, LONGEST_TIMEOUT + TICK):
        with pytest.raises(Invalid, match=f"The {name} timeout must be at least one second and at most 366") as refused:
            Timeouts(**{name: wrong})
        assert [p.pointer for p in refused.value.problems] == [f"/{name}"]


def test_without_timeouts_nothing_is_bounded() -> None:
    assert Timeouts() == Timeouts(execution=None, queue=None, total=None)
