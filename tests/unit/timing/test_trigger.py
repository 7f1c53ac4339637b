"""Triggers: limits, previews, the types there are, and room for more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ClassVar
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.timing.cron import CronExpression
from domain.timing.errors import InvalidTrigger
from domain.timing.local_time import DstRule, Gap
from domain.timing.ports import Calendars
from domain.timing.time_zone import TimeZone
from domain.timing.trigger import Trigger, TriggerState
from domain.timing.triggers.cron import CronTrigger
from domain.timing.triggers.manual import ManualTrigger
from tests.builders import CALENDARS
from tests.unit.timing.strategies import clock_changes, expressions, instants_near, local_times, thorough, utc

FRESH = TriggerState()
MICROSECOND = timedelta(microseconds=1)


def cron(
    text: str,
    zone: str = "UTC",
    *,
    dst: DstRule | None = None,
    start_at: datetime | None = None,
    end_at: datetime | None = None,
    max_executions: int | None = None,
) -> CronTrigger:
    return CronTrigger(
        expression=CronExpression.parse(text),
        zone=TimeZone(zone),
        dst=dst or DstRule(),
        start_at=start_at,
        end_at=end_at,
        max_executions=max_executions,
    )


def test_a_cron_trigger_fires_at_the_wall_clock_times_of_its_zone() -> None:
    found = cron("0 2 * * *", "Europe/Berlin").next_fire(utc("2026-01-15T12:00"), FRESH, CALENDARS)
    assert found == utc("2026-01-16T01:00")
    assert found is not None
    assert found.tzinfo is UTC


def test_the_dst_rule_is_the_triggers() -> None:
    after = utc("2025-03-29T23:00")
    shifted, skipped = (
        cron("30 2 * * *", "Europe/Berlin"),
        cron("30 2 * * *", "Europe/Berlin", dst=DstRule(gap=Gap.SKIP)),
    )
    assert shifted.next_fire(after, FRESH, CALENDARS) == utc("2025-03-30T01:00")
    assert skipped.next_fire(after, FRESH, CALENDARS) == utc("2025-03-31T00:30")


def test_the_first_fire_may_be_at_the_start_itself() -> None:
    trigger = cron("0 * * * *", start_at=utc("2026-01-01T10:00"))
    assert trigger.next_fire(utc("2025-06-01"), FRESH, CALENDARS) == utc("2026-01-01T10:00")
    assert trigger.next_fire(utc("2026-01-01T10:00"), FRESH, CALENDARS) == utc("2026-01-01T11:00")


def test_the_last_fire_may_be_at_the_end_itself() -> None:
    trigger = cron("0 * * * *", end_at=utc("2026-01-01T10:00"))
    assert trigger.next_fire(utc("2026-01-01T09:30"), FRESH, CALENDARS) == utc("2026-01-01T10:00")
    assert trigger.next_fire(utc("2026-01-01T10:00"), FRESH, CALENDARS) is None
    assert trigger.next_fire(utc("2027-01-01"), FRESH, CALENDARS) is None


def test_a_time_after_the_end_is_no_fire() -> None:
    trigger = cron("0 * * * *", end_at=utc("2026-01-01T09:59:59.999999"))
    assert trigger.next_fire(utc("2026-01-01T09:30"), FRESH, CALENDARS) is None


def test_executions_are_limited_by_what_has_fired() -> None:
    trigger = cron("0 * * * *", max_executions=3)
    assert trigger.next_fire(utc("2026-01-01"), TriggerState(fired_count=2), CALENDARS) == utc("2026-01-01T01:00")
    assert trigger.next_fire(utc("2026-01-01"), TriggerState(fired_count=3), CALENDARS) is None


@pytest.mark.parametrize(
    ("fired", "count", "hours"), [(0, 2, [1, 2]), (0, 9, [1, 2, 3]), (1, 9, [1, 2]), (3, 9, []), (0, 0, [])]
)
def test_upcoming_counts_each_fire_against_the_limit(fired: int, count: int, hours: list[int]) -> None:
    upcoming = cron("0 * * * *", max_executions=3).upcoming(
        utc("2026-01-01"), TriggerState(fired_count=fired), CALENDARS, count
    )
    assert [time.hour for time in upcoming] == hours


def test_upcoming_ends_with_the_trigger() -> None:
    trigger = cron("0 * * * *", start_at=utc("2026-01-01T01:00"), end_at=utc("2026-01-01T02:30"))
    assert [t.hour for t in trigger.upcoming(utc("2025-01-01"), FRESH, CALENDARS, 8)] == [1, 2]


def test_a_manual_trigger_never_fires_by_itself() -> None:
    assert ManualTrigger().next_fire(utc("2026-01-01"), FRESH, CALENDARS) is None
    assert ManualTrigger().upcoming(utc("2026-01-01"), FRESH, CALENDARS, 5) == []
    assert not ManualTrigger().by_clock


@pytest.mark.parametrize("text", ["-", "0 0 - * *"])
def test_an_expression_that_says_never_never_fires(text: str) -> None:
    assert cron(text).next_fire(utc("2026-01-01"), FRESH, CALENDARS) is None


def test_limits_that_contradict_each_other_are_all_named() -> None:
    with pytest.raises(InvalidTrigger) as refusal:
        ManualTrigger(
            start_at=utc("2026-01-02"), end_at=utc("2026-01-02"), max_executions=0, jitter=timedelta(seconds=-1)
        )
    assert [(problem.pointer, problem.code) for problem in refusal.value.problems] == [
        ("/endAt", "OUT_OF_ORDER"),
        ("/maxExecutions", "OUT_OF_RANGE"),
        ("/jitter", "OUT_OF_RANGE"),
    ]


def test_limits_need_an_offset() -> None:
    naive = datetime.fromisoformat("2026-01-02T00:00")
    with pytest.raises(InvalidTrigger) as refusal:
        ManualTrigger(start_at=naive, end_at=naive)
    assert [(p.pointer, p.code) for p in refusal.value.problems] == [("/startAt", "NO_OFFSET"), ("/endAt", "NO_OFFSET")]


def test_limits_are_kept_in_utc() -> None:
    trigger = ManualTrigger(start_at=datetime.fromisoformat("2026-01-01T00:00+02:00"))
    assert trigger.start_at == utc("2025-12-31T22:00")
    assert trigger.start_at is not None
    assert trigger.start_at.tzinfo is UTC


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a time zone"):
        cron("* * * * *").next_fire(datetime.fromisoformat("2026-01-01T00:00"), FRESH, CALENDARS)


@pytest.mark.parametrize("fold", [0, 1])
@pytest.mark.parametrize("minute", [0, 1, 29, 30, 31, 59])
def test_asked_from_a_time_that_does_not_exist_a_fire_is_neither_lost_nor_doubled(minute: int, fold: int) -> None:
    asked_from = datetime(2025, 3, 30, 2, minute, tzinfo=ZoneInfo("Europe/Berlin"), fold=fold)
    gap_end, next_day = utc("2025-03-30T01:00"), utc("2025-03-31T00:30")
    found = cron("30 2 * * *", "Europe/Berlin").next_fire(asked_from, FRESH, CALENDARS)
    assert found == (gap_end if asked_from.timestamp() < gap_end.timestamp() else next_day)


def test_triggers_are_equal_by_value() -> None:
    assert cron("0 2 * * *", "Europe/Berlin") == cron("0 2 * * *", "Europe/Berlin")
    assert cron("0 2 * * *", "Europe/Berlin") != cron("0 2 * * *", "Europe/Paris")


@dataclass(frozen=True, slots=True, kw_only=True)
class AfterTheLast(Trigger):
    """A type as an extension would add it: an hour after the last fire."""

    kind: ClassVar[str] = "AFTER_THE_LAST"

    def _next_nominal(self, after: datetime, state: TriggerState, calendars: Calendars) -> datetime | None:
        return max(after + MICROSECOND, (state.last_nominal or after) + timedelta(hours=1))


def test_a_new_type_needs_its_rule_only_and_gets_limits_and_previews() -> None:
    trigger = AfterTheLast(end_at=utc("2026-01-01T03:00"), max_executions=5)
    state = TriggerState(last_nominal=utc("2026-01-01T00:00"), fired_count=1)
    assert [t.hour for t in trigger.upcoming(utc("2026-01-01T00:30"), state, CALENDARS, 8)] == [1, 2, 3]


zones = st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/Santiago", "Australia/Lord_Howe"])


@thorough
@given(expressions(), zones, local_times)
def test_the_next_fire_is_later_and_the_next_from_just_before_it(
    expression: CronExpression, zone: str, moment: datetime
) -> None:
    trigger, after = CronTrigger(expression=expression, zone=TimeZone(zone)), moment.replace(tzinfo=UTC)
    found = trigger.next_fire(after, FRESH, CALENDARS)
    assert found is not None
    assert found > after
    assert trigger.next_fire(found - MICROSECOND, FRESH, CALENDARS) == found


@thorough
@given(expressions(), clock_changes, instants_near)
def test_upcoming_is_next_fire_over_and_over(
    expression: CronExpression, change: tuple[str, datetime], distance: timedelta
) -> None:
    zone, at = change
    trigger, after = CronTrigger(expression=expression, zone=TimeZone(zone)), at + distance
    upcoming = trigger.upcoming(after, FRESH, CALENDARS, 5)
    assert len(upcoming) == 5
    for time in upcoming:
        assert trigger.next_fire(after, FRESH, CALENDARS) == time
        after = time
