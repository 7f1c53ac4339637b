"""Generators of whole definitions and documents."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from domain.scheduling.job import JobDefinition
from domain.scheduling.job_name import RESERVED_NAMES
from domain.scheduling.placement import Placement
from domain.scheduling.policies import FiringPolicy, Misfire, MisfirePolicy, OverlapPolicy, Timeouts
from domain.scheduling.priority import Priority
from domain.scheduling.retry import RetryPolicy, RetryStrategy
from domain.timing.cron import CronExpression, DayMatch
from domain.timing.local_moment import LocalMoment
from domain.timing.local_time import DstRule, Gap, Overlap
from domain.timing.time_zone import TimeZone
from domain.timing.trigger import NO_TIME, Trigger
from domain.timing.triggers.any_of import AnyOfTrigger
from domain.timing.triggers.bounds import LONGEST_STEP, SHORTEST_STEP
from domain.timing.triggers.cron import CronTrigger
from domain.timing.triggers.event import EventTrigger
from domain.timing.triggers.fixed_delay import FixedDelayTrigger
from domain.timing.triggers.fixed_rate import FixedRateTrigger
from domain.timing.triggers.manual import ManualTrigger
from domain.timing.triggers.one_time import OneTimeTrigger
from tests.builders import DAY, HOUR, SECOND

# Texts for which JSON and the store have room: no lone halves of surrogate pairs.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
lines = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)
"""Texts that may stand in names and labels."""
durations = st.timedeltas(timedelta(0), 300 * DAY)
instants = st.datetimes(datetime(1971, 1, 1), datetime(2199, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
parameters = st.dictionaries(texts, json_values, max_size=3)
names = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,20}", fullmatch=True).filter(lambda name: name not in RESERVED_NAMES)


zones = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]).map(TimeZone)
steps = st.timedeltas(SHORTEST_STEP, LONGEST_STEP)
initial_delays = st.just(NO_TIME) | st.timedeltas(NO_TIME, LONGEST_STEP)


@st.composite
def windows(draw: st.DrawFn) -> dict[str, Any]:
    """A start and an end, both or one of them or none."""
    start_at, length = draw(st.none() | instants), draw(st.none() | st.timedeltas(SECOND, 1000 * DAY))
    if start_at is None:
        return {"end_at": draw(st.none() | instants)}
    return {"start_at": start_at, "end_at": None if length is None else start_at + length}


@st.composite
def limits(draw: st.DrawFn) -> dict[str, Any]:
    """Any that a trigger of its own may have."""
    spread = {draw(st.sampled_from(["jitter", "window"])): draw(st.just(NO_TIME) | durations)}
    return {**draw(windows()), "max_executions": draw(st.none() | st.integers(1, 1000)), **spread}


moments = st.builds(
    LocalMoment,
    st.datetimes(datetime(1971, 1, 1), datetime(2199, 12, 31)),  # noqa: DTZ001
    zones,
    st.builds(DstRule, st.sampled_from(Gap), st.sampled_from([o for o in Overlap if o is not Overlap.BOTH])),
)


@st.composite
def fixed_rate_triggers(draw: st.DrawFn, limits: st.SearchStrategy[dict[str, Any]]) -> FixedRateTrigger:
    """Anchored, or relative with a delay."""
    anchor = draw(st.none() | instants)
    delay = draw(initial_delays) if anchor is None else NO_TIME
    step, more = draw(steps), draw(limits)
    more["window"] = min(step, more.get("window", NO_TIME))
    return FixedRateTrigger(every=step, anchor=anchor, initial_delay=delay, **more)


def combinable(limits: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[Trigger]:
    """Triggers of the types that may be parts of others."""
    patterns = st.sampled_from(["com.shop.paid", "com.shop.*", "*"])
    return st.one_of(
        st.builds(
            lambda **fields: CronTrigger(**fields.pop("limits"), **fields),
            limits=limits,
            expression=st.builds(
                CronExpression.parse,
                st.sampled_from(["*/5 * * * *", "0 0 2 L * *", "@daily", "30 6 * * MON-FRI", "-"]),
                st.sampled_from(DayMatch),
            ),
            zone=zones,
            dst=st.builds(DstRule, st.sampled_from(Gap), st.sampled_from(Overlap)),
        ),
        fixed_rate_triggers(limits),
        st.builds(lambda at, limits: OneTimeTrigger(at=at, **limits), instants | moments, limits),
        st.builds(
            lambda kind, source, limits: EventTrigger(event_type=kind, source=source, **limits),
            patterns,
            st.none() | patterns,
            limits,
        ),
    )


triggers: st.SearchStrategy[Trigger] = st.one_of(
    st.just(ManualTrigger()),
    combinable(limits()),
    st.builds(
        lambda delay, first, limits: FixedDelayTrigger(delay=delay, initial_delay=first, **limits),
        steps,
        initial_delays,
        limits(),
    ),
    st.builds(
        lambda parts, limits: AnyOfTrigger(triggers=tuple(parts), **limits),
        st.lists(combinable(windows()), min_size=1, max_size=3),
        limits(),
    ),
)


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
    if trigger is not None:
        return FiringPolicy.of(trigger, draw(misfires), draw(st.sampled_from(OverlapPolicy)))
    return FiringPolicy(
        misfire=draw(misfires),
        overlap=draw(st.sampled_from(OverlapPolicy)),
        jitter=draw(durations),
        window=draw(durations),
        max_executions=draw(st.none() | st.integers(1, 1000)),
        recurs=draw(st.booleans()),
        awaits_end=draw(st.booleans()),
    )


@st.composite
def definitions(draw: st.DrawFn) -> JobDefinition:
    """Definitions of any kind, as documents can say them."""
    trigger = draw(triggers)
    return JobDefinition(
        name=draw(names),
        type=draw(st.sampled_from(["COMMAND", "PYTHON", "ELSE"])),
        description=draw(texts),
        handler=draw(st.none() | lines),
        parameters=draw(parameters),
        trigger=trigger,
        priority=Priority(draw(st.integers(1, 10))),
        retry=draw(retry_policies()),
        timeouts=draw(timeouts),
        firing=draw(firing_policies(trigger)),
        placement=Placement(pool=draw(lines.filter(bool)), requires=draw(st.dictionaries(lines, lines, max_size=3))),
        tags=tuple(draw(st.lists(lines.filter(bool), max_size=3))),
        owner=draw(st.none() | lines),
    )


hours = st.timedeltas(timedelta(0), 100 * HOUR)
