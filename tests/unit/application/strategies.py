"""Generators of whole definitions and documents."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from domain.scheduling.job import RESERVED_NAMES, JobDefinition
from domain.scheduling.placement import Placement
from domain.scheduling.policies import FiringPolicy, Misfire, MisfirePolicy, OverlapPolicy, Timeouts
from domain.scheduling.priority import Priority
from domain.scheduling.retry import RetryPolicy, RetryStrategy
from domain.timing.cron import CronExpression, DayMatch
from domain.timing.local_time import DstRule, Gap, Overlap
from domain.timing.time_zone import TimeZone
from domain.timing.trigger import CronTrigger, ManualTrigger, Trigger
from tests.builders import DAY, HOUR, SECOND

# Texts for which JSON and the store have room: no lone halves of surrogate pairs.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
durations = st.timedeltas(timedelta(0), 300 * DAY)
instants = st.datetimes(datetime(1971, 1, 1), datetime(2199, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
parameters = st.dictionaries(texts, json_values, max_size=3)
names = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,20}", fullmatch=True).filter(lambda name: name not in RESERVED_NAMES)


@st.composite
def cron_triggers(draw: st.DrawFn) -> CronTrigger:
    """Valid ones with any limits."""
    start_at = draw(st.none() | instants)
    length = draw(st.none() | st.timedeltas(SECOND, 1000 * DAY))
    return CronTrigger(
        expression=CronExpression.parse(
            draw(st.sampled_from(["*/5 * * * *", "0 0 2 L * *", "@daily", "30 6 * * MON-FRI", "-"])),
            draw(st.sampled_from(DayMatch)),
        ),
        zone=TimeZone(draw(st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]))),
        dst=DstRule(draw(st.sampled_from(Gap)), draw(st.sampled_from(Overlap))),
        start_at=start_at,
        end_at=start_at + length
        if start_at is not None and length is not None
        else draw(st.none() | instants)
        if start_at is None
        else None,
        max_executions=draw(st.none() | st.integers(1, 1000)),
        jitter=draw(st.just(timedelta(0)) | durations),
    )


triggers: st.SearchStrategy[Trigger] = st.one_of(st.just(ManualTrigger()), cron_triggers())


@st.composite
def retry_policies(draw: st.DrawFn) -> RetryPolicy:
    delay = draw(st.timedeltas(timedelta(0), DAY))
    return RetryPolicy(
        max_attempts=draw(st.integers(1, 1000)),
        delay=delay,
        strategy=draw(st.sampled_from(RetryStrategy)),
        max_delay=draw(st.none() | st.timedeltas(delay, 300 * DAY)),
        jitter=draw(st.floats(0, 1)),
        max_lost=draw(st.integers(0, 1000)),
        never_retry=draw(st.frozensets(texts, max_size=3)),
    )


timeouts = st.builds(
    Timeouts, **{name: st.none() | st.timedeltas(SECOND, DAY) for name in ("execution", "queue", "total")}
)
misfires = st.builds(
    Misfire,
    policy=st.sampled_from(MisfirePolicy),
    grace=durations,
    catchup_window=st.none() | durations,
    max_fires=st.integers(1, 10_000),
)


@st.composite
def firing_policies(draw: st.DrawFn, trigger: Trigger | None = None) -> FiringPolicy:
    """Any, or those of a job with this trigger."""
    limits: dict[str, Any] = {"jitter": draw(durations), "max_executions": draw(st.none() | st.integers(1, 1000))}
    if trigger is not None:
        limits = {"jitter": trigger.jitter, "max_executions": trigger.max_executions}
    return FiringPolicy(misfire=draw(misfires), overlap=draw(st.sampled_from(OverlapPolicy)), **limits)


@st.composite
def definitions(draw: st.DrawFn) -> JobDefinition:
    """Definitions of any kind, as documents can say them."""
    trigger = draw(triggers)
    return JobDefinition(
        name=draw(names),
        type=draw(st.sampled_from(["COMMAND", "PYTHON", "ELSE"])),
        description=draw(texts),
        handler=draw(st.none() | texts),
        parameters=draw(parameters),
        trigger=trigger,
        priority=Priority(draw(st.integers(1, 10))),
        retry=draw(retry_policies()),
        timeouts=draw(timeouts),
        firing=draw(firing_policies(trigger)),
        placement=Placement(pool=draw(texts.filter(bool)), requires=draw(st.dictionaries(texts, texts, max_size=3))),
        tags=tuple(draw(st.lists(texts.filter(bool), max_size=3))),
        owner=draw(st.none() | texts),
    )


hours = st.timedeltas(timedelta(0), 100 * HOUR)
