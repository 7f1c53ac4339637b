"""What is foreseen is what then happens: limits, jitter, skipped fires, clock changes, in few words or in many."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import Phase, event, given, settings
from hypothesis import strategies as st

from domain.scheduling.firing import PlannedFire, decide
from domain.scheduling.occurrence import Decision
from domain.scheduling.policies import FiringPolicy, Misfire, OverlapPolicy
from domain.scheduling.projection import MOST_WALKED, ProjectedFire, project
from domain.scheduling.schedule import REFILL_BELOW, Schedule
from domain.scheduling.skip import Skip
from domain.timing.calendar import ExclusionCalendar, Weekday
from domain.timing.cron import CronExpression
from domain.timing.time_zone import TimeZone
from domain.timing.trigger import Trigger, TriggerState
from domain.timing.triggers.any_of import AnyOfTrigger
from domain.timing.triggers.fixed_delay import FixedDelayTrigger
from domain.timing.triggers.fixed_rate import FixedRateTrigger
from tests.builders import CALENDARS, DAY, HOUR, MINUTE, NOON, SECOND, TASK_ID, TimesTrigger, cron, every, schedule
from tests.unit.timing.strategies import CLOCK_CHANGES, utc

MANY = 10_000


def planned_anew(trigger: Trigger, at: datetime, *skipped: datetime) -> Schedule:
    """The schedule of a job that was activated at that instant."""
    policy = FiringPolicy.of(trigger, Misfire(), OverlapPolicy.ALLOW)
    skips = tuple(Skip(nominal=nominal, reason="freeze", by="ann") for nominal in skipped)
    fresh = schedule(policy=policy, state=TriggerState(since=at), skips=skips)
    return fresh.refilled(trigger, CALENDARS, at, skip_past=True)


def looked_at_in_time(due: Schedule, trigger: Trigger, until: datetime) -> list[PlannedFire]:
    """Everything that is decided before `until` by a planner that is always in time."""
    decided = list[PlannedFire]()
    while (at := due.due_at) is not None and at < until:
        if due.runs_out(at):
            due = due.extended(trigger, CALENDARS, at)
        firing = decide(due, at)
        assert firing.after != due, "it stays due for ever"
        decided += firing.decisions
        due = firing.after
        if len(due.upcoming) < REFILL_BELOW:
            due = due.refilled(trigger, CALENDARS, at)
    return [fire for fire in decided if fire.decision is not Decision.SKIPPED_CALENDAR]


def told(fires: list[PlannedFire] | list[ProjectedFire]) -> list[tuple[datetime, datetime]]:
    return [(fire.nominal, fire.planned) for fire in fires]


zones = st.sampled_from(["UTC", *CLOCK_CHANGES])
expressions = st.sampled_from(
    [
        "*/10 * * * *",
        "30 2 * * *",
        "0,30 0-3 * * *",
        "15 */2 * * *",
        "0 0 * * *",
        "59 23 * * *",
        "5 1 * * 0,3",
        "0 12 L * *",
    ]
)


WORKDAYS = ExclusionCalendar(zone=TimeZone("Europe/Berlin"), weekdays=(Weekday.SAT, Weekday.SUN))
NIGHTS = ExclusionCalendar(zone=TimeZone("Africa/Cairo"), expressions=(CronExpression.parse("* 0-5 * * tue"),))


@st.composite
def triggers(draw: st.DrawFn) -> Trigger:
    """Of every type that goes by a clock, with jitter or a window, and limits."""
    more: dict[str, Any] = {
        draw(st.sampled_from(["jitter", "jitter", "window"])): draw(
            st.sampled_from([timedelta(0), 40 * SECOND, 7 * MINUTE, 5 * HOUR])
        ),
        "max_executions": draw(st.none() | st.integers(1, 30)),
    }
    more["calendar"] = draw(st.sampled_from([None, WORKDAYS, NIGHTS]))
    rate = FixedRateTrigger(every=draw(st.sampled_from([7 * MINUTE, HOUR, 25 * HOUR])))
    if draw(st.booleans()):
        return replace(rate, **more | ({"window": min(rate.every, more["window"])} if "window" in more else {}))
    if draw(st.booleans()):
        return cron(draw(expressions), draw(zones), **more)
    return AnyOfTrigger(triggers=(rate, cron(draw(expressions), draw(zones))), **more)


changes = st.sampled_from([utc(at) for times in CLOCK_CHANGES.values() for at in times])


@given(triggers(), changes, st.integers(-40, 40), st.integers(0, 40), st.integers(1, 60), st.data())
@settings(max_examples=150, deadline=None, phases=[Phase.reuse, Phase.generate])
def test_what_is_foreseen_is_what_is_then_decided(
    trigger: Trigger, change: datetime, before: int, wait: int, length: int, data: st.DataObject
) -> None:
    now = change + before * HOUR
    start = now + wait * HOUR
    end = start + length * HOUR
    coming = trigger.upcoming(now, TriggerState(since=now), CALENDARS, 12)
    skipped = data.draw(st.sets(st.sampled_from(coming), max_size=4)) if coming else set()
    due = planned_anew(trigger, now, *sorted(skipped))
    decided = [fire for fire in looked_at_in_time(due, trigger, end) if start <= fire.planned]
    foreseen = project(due, trigger, CALENDARS, (start, end), MANY)
    assert told(list(foreseen.fires)) == told(decided)
    assert [f.skip is not None for f in foreseen.fires] == [d.decision is Decision.SKIPPED_BY_USER for d in decided]
    few = project(due, trigger, CALENDARS, (start, end), 2)
    event("collapsed" if few.is_collapsed else "told one by one")
    assert (few.count, few.skipped) == (len(decided), sum(d.decision is Decision.SKIPPED_BY_USER for d in decided))
    if few.is_collapsed:
        assert told(list(few.fires)) == told([decided[0], decided[-1]])


@given(triggers(), changes, st.integers(1, 30))
@settings(max_examples=60, deadline=None)
def test_what_is_foreseen_after_some_fires_is_the_rest(trigger: Trigger, now: datetime, hours: int) -> None:
    due = planned_anew(trigger, now)
    whole = project(due, trigger, CALENDARS, (now, now + 2 * DAY), MANY).fires
    later = due
    while (at := later.due_at) is not None and at < now + hours * HOUR:
        if later.runs_out(at):
            later = later.extended(trigger, CALENDARS, at)
        later = decide(later, at).after
    rest = project(later, trigger, CALENDARS, (now + hours * HOUR, now + 2 * DAY), MANY).fires
    assert rest == [fire for fire in whole if fire.planned >= now + hours * HOUR]


def test_a_schedule_that_rests_or_has_ended_has_nothing_to_come() -> None:
    trigger = cron("@hourly")
    for due in (schedule(every(HOUR, 3), active=False), schedule(exhausted=True)):
        assert project(due, trigger, CALENDARS, (NOON, NOON + DAY), 5).count == 0


def test_a_job_that_fires_each_second_is_foreseen_for_a_month() -> None:
    trigger = cron("* * * * * *", "Europe/Berlin")
    month = project(planned_anew(trigger, NOON), trigger, CALENDARS, (NOON, NOON + 31 * DAY), 10)
    assert (month.count, month.interval, len(month.fires)) == (31 * 86_400 - 1, SECOND, 2)


def test_a_limit_beyond_the_span_ends_it_there() -> None:
    trigger = cron("* * * * *", max_executions=90)
    due = planned_anew(trigger, NOON)
    assert project(due, trigger, CALENDARS, (NOON + HOUR, NOON + DAY), 5).count == 31
    assert project(due, trigger, CALENDARS, (NOON + 2 * HOUR, NOON + DAY), 5).count == 0


def test_where_times_follow_from_runs_they_are_estimated_from_how_long_runs_take() -> None:
    trigger = FixedDelayTrigger(delay=10 * MINUTE, initial_delay=MINUTE, max_executions=4)
    due = planned_anew(trigger, NOON, NOON + MINUTE)
    chain = project(due, trigger, CALENDARS, (NOON, NOON + HOUR), 9, run_time=5 * MINUTE)
    assert [f.nominal - NOON for f in chain.fires] == [MINUTE, 11 * MINUTE, 26 * MINUTE, 41 * MINUTE, 56 * MINUTE]
    assert (chain.is_estimate, chain.skipped, chain.is_whole) == (True, 1, True)
    running = replace(due, upcoming=(), skips=(), awaited=TASK_ID, state=replace(due.state, last_nominal=NOON))
    (following,) = project(running, trigger, CALENDARS, (NOON, NOON + 20 * MINUTE), 9, run_time=5 * MINUTE).fires
    assert following.nominal == NOON + 15 * MINUTE


@pytest.mark.parametrize(
    "trigger", [FixedDelayTrigger(delay=SECOND), TimesTrigger(times=every(SECOND, MOST_WALKED + 50, NOON + SECOND))]
)
def test_of_times_that_are_found_one_by_one_there_is_an_end(trigger: Trigger) -> None:
    many = project(planned_anew(trigger, NOON), trigger, CALENDARS, (NOON, NOON + DAY), 3)
    assert (many.count, many.is_whole) == (MOST_WALKED, False)
