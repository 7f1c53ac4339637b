"""Generators for the property tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from domain.scheduling.policies import FiringPolicy, Misfire, MisfirePolicy, OverlapPolicy
from domain.scheduling.retry import RetryPolicy, RetryStrategy
from tests.builders import DAY, HOUR, MINUTE, NOON, SECOND, TimesTrigger

instants = st.datetimes(datetime(1971, 1, 1), datetime(2199, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
dice = st.floats(0, 1, exclude_max=True)

retry_policies = st.builds(
    RetryPolicy,
    max_attempts=st.integers(1, 20),
    delay=st.timedeltas(timedelta(0), HOUR),
    strategy=st.sampled_from(RetryStrategy),
    max_delay=st.none() | st.timedeltas(HOUR, DAY),
    jitter=st.floats(0, 1),
    max_lost=st.integers(0, 5),
    never_retry=st.frozensets(st.sampled_from(["OUT_OF_MEMORY", "BAD_INPUT", "EXECUTION_TIMEOUT"])),
)

misfires = st.builds(
    Misfire,
    policy=st.sampled_from(MisfirePolicy),
    grace=st.sampled_from([timedelta(0), 5 * SECOND, MINUTE, HOUR]),
    catchup_window=st.sampled_from([None, timedelta(0), 10 * MINUTE, DAY]),
    max_fires=st.sampled_from([1, 2, 5, 100]),
)


def firing_policies(max_executions: st.SearchStrategy[int | None] = st.none()) -> st.SearchStrategy[FiringPolicy]:  # noqa: B008
    """Policies of every kind; by default without a limit on executions."""
    spreads = st.sampled_from([timedelta(0), 10 * SECOND, 3 * MINUTE, 2 * HOUR])
    common: dict[str, st.SearchStrategy[Any]] = {
        "misfire": misfires,
        "overlap": st.sampled_from(OverlapPolicy),
        "max_executions": max_executions,
    }
    return st.builds(FiringPolicy, jitter=spreads, **common) | st.builds(FiringPolicy, window=spreads, **common)


@st.composite
def times_triggers(draw: st.DrawFn, most: int = 60, max_executions: int | None = None) -> TimesTrigger:
    """Triggers with irregular times, close together and hours apart, the first one soon after noon."""
    gaps = draw(st.lists(st.sampled_from([1, 1, 7, 59, 60, 61, 600, 3600, 40_000]), min_size=1, max_size=most))
    times, last = [], NOON
    for gap in gaps:
        last += gap * SECOND
        times.append(last)
    return TimesTrigger(times=tuple(times), max_executions=max_executions)
