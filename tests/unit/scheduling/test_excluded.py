"""What calendars take out comes into the ledger when its first time has come, once, in its place among the fires."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from domain.scheduling.excluded import MOST_COUNTED, Excluded, excluded_between
from domain.scheduling.firing import decide
from domain.scheduling.occurrence import Decision
from domain.scheduling.policies import FiringPolicy, OverlapPolicy
from domain.timing.calendar import ExclusionCalendar, Weekday
from domain.timing.cron import CronExpression
from domain.timing.time_zone import TimeZone
from domain.timing.trigger import TriggerState
from domain.timing.triggers.cron import CronTrigger
from tests.builders import CALENDARS, DAY, HOUR, NOON, SECOND, schedule

UTC_ZONE = TimeZone("UTC")
WEEKEND = ExclusionCalendar(zone=UTC_ZONE, weekdays=(Weekday.SAT, Weekday.SUN))
ON_WORKDAYS = CronTrigger(expression=CronExpression.parse("0 12 * * *"), zone=UTC_ZONE, calendar=WEEKEND)
FRIDAY = NOON + timedelta(days=(4 - NOON.weekday()) % 7)
SATURDAY, SUNDAY, MONDAY = FRIDAY + DAY, FRIDAY + 2 * DAY, FRIDAY + 3 * DAY
ALLOW = FiringPolicy(overlap=OverlapPolicy.ALLOW)
KNOWN = schedule(policy=ALLOW, state=TriggerState(last_nominal=FRIDAY - HOUR)).refilled(ON_WORKDAYS, CALENDARS, FRIDAY)


def test_a_schedule_knows_what_is_taken_out_between_its_fires() -> None:
    assert KNOWN.upcoming[:2] == (FRIDAY, MONDAY)
    assert KNOWN.excluded[0] == Excluded(first=SATURDAY, last=SUNDAY, count=2, reason="weekday SAT, and others")
    assert len(KNOWN.excluded) == 2  # of the next weekend, too


def test_it_is_noted_once_when_its_first_time_has_come() -> None:
    fired = decide(KNOWN, FRIDAY).after
    assert (fired.due_at, fired.next_fire_at) == (SATURDAY, MONDAY)
    assert decide(fired, SATURDAY - SECOND).decisions == ()
    noted = decide(fired, SATURDAY)
    (fire,) = noted.decisions
    assert (fire.decision, fire.nominal, fire.last, fire.count) == (Decision.SKIPPED_CALENDAR, SATURDAY, SUNDAY, 2)
    assert noted.after.due_at == MONDAY
    assert noted.after.state.last_nominal == FRIDAY
    assert decide(noted.after, SUNDAY).decisions == ()
    monday = decide(noted.after, MONDAY)
    assert [fire.decision for fire in monday.decisions] == [Decision.FIRED]
    assert len(monday.after.excluded) == 1


def test_after_a_standstill_everything_has_its_place() -> None:
    late = decide(KNOWN, MONDAY + SECOND)
    assert [(fire.decision, fire.nominal) for fire in late.decisions] == [
        (Decision.COALESCED, FRIDAY),
        (Decision.SKIPPED_CALENDAR, SATURDAY),
        (Decision.FIRED, MONDAY),
    ]


def test_what_has_been_noted_is_not_counted_anew_when_the_job_is_planned_again() -> None:
    noted = decide(decide(KNOWN, FRIDAY).after, SATURDAY).after
    kept = replace(noted, upcoming=(), excluded=noted.excluded[:1])
    again = kept.refilled(ON_WORKDAYS, CALENDARS, SATURDAY + HOUR, skip_past=True)
    assert again.upcoming[0] == MONDAY
    assert [each.noted for each in again.excluded] == [True, False]
    assert again.excluded[1].first == SATURDAY + 7 * DAY


def test_a_paused_schedule_notes_nothing() -> None:
    assert decide(replace(KNOWN, active=False), MONDAY).decisions == ()


def test_what_is_taken_out_after_the_last_fire_is_noted_as_well() -> None:
    ends = replace(ON_WORKDAYS, end_at=SUNDAY)
    known = schedule(policy=ALLOW, state=TriggerState(last_nominal=FRIDAY)).refilled(ends, CALENDARS, FRIDAY)
    assert (known.upcoming, known.exhausted, known.due_at) == ((), True, SATURDAY)
    done = decide(known, SATURDAY)
    assert [fire.count for fire in done.decisions] == [2]
    assert (done.after.excluded, done.after.due_at) == ((), None)


def test_counting_is_bounded_and_says_so() -> None:
    minutely = replace(ON_WORKDAYS, expression=CronExpression.parse("* * * * *"))
    found = excluded_between(minutely, FRIDAY, None, TriggerState(), CALENDARS)
    assert found is not None
    assert found.count == MOST_COUNTED
    assert "more follow" in found.reason
