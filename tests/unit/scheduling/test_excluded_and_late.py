"""What a calendar takes out after a fire that jitter has moved beyond it waits for that fire."""

from __future__ import annotations

from dataclasses import replace

from domain.scheduling.firing import decide
from domain.scheduling.occurrence import Decision
from domain.scheduling.policies import FiringPolicy
from domain.timing.calendar import ExclusionCalendar
from domain.timing.cron import CronExpression
from domain.timing.time_zone import TimeZone
from tests.builders import CALENDARS, HOUR, NOON, cron, schedule

AFTER_ONE = ExclusionCalendar(zone=TimeZone("UTC"), expressions=(CronExpression.parse("* 14-20 * * *"),))


def test_it_is_not_due_before_that_fire_and_is_noted_with_it() -> None:
    trigger = cron("@hourly", jitter=5 * HOUR, calendar=AFTER_ONE)
    due = schedule(policy=FiringPolicy(jitter=trigger.jitter)).refilled(trigger, CALENDARS, NOON)
    assert due.upcoming[:2] == (NOON + HOUR, NOON + 9 * HOUR)
    fires_at = due.planned(0)
    assert fires_at > due.excluded[0].first  # else this tries nothing
    assert due.due_at == fires_at
    firing = decide(due, fires_at)
    assert [d.decision for d in firing.decisions] == [Decision.FIRED, Decision.SKIPPED_CALENDAR]
    assert firing.after.due_at == replace(firing.after, excluded=()).due_at
