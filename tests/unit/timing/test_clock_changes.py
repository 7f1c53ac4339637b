"""What a trigger does at the next changes of the clocks of its zone, said before it happens."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from domain.timing.clock_changes import MOST_TIMES, Effect, clock_change_notes
from domain.timing.cron import CronExpression
from domain.timing.local_moment import LocalMoment
from domain.timing.local_time import DstRule, Gap, Overlap
from domain.timing.time_zone import TimeZone
from domain.timing.trigger import Trigger, TriggerState
from domain.timing.triggers.any_of import AnyOfTrigger
from domain.timing.triggers.cron import CronTrigger
from domain.timing.triggers.fixed_rate import FixedRateTrigger
from domain.timing.triggers.one_time import OneTimeTrigger
from tests.builders import CALENDARS, HOUR, NOON, cron
from tests.unit.timing.strategies import clock_changes, expressions, local, thorough, utc

BERLIN = TimeZone("Europe/Berlin")


def effects(trigger: Trigger, after: Any = NOON) -> list[Effect]:
    return [note.effect for note in clock_change_notes(trigger, after, TriggerState(), CALENDARS)]


@pytest.mark.parametrize(
    ("expression", "rule", "back", "forward"),
    [
        ("30 2 * * *", DstRule(), Effect.ONCE, Effect.SHIFTED),
        ("*/30 * * * *", DstRule(), Effect.TWICE, Effect.SKIPPED),
        ("30 2 * * *", DstRule(Gap.SKIP, Overlap.BOTH), Effect.TWICE, Effect.SKIPPED),
        ("30 2 * * *", DstRule(Gap.SHIFT, Overlap.LAST), Effect.ONCE, Effect.SHIFTED),
        ("0 9 * * *", DstRule(), Effect.UNAFFECTED, Effect.UNAFFECTED),
        ("30 2 1 1 *", DstRule(), Effect.UNAFFECTED, Effect.UNAFFECTED),
    ],
)
def test_each_rule_does_at_the_next_two_changes_what_it_says(
    expression: str, rule: DstRule, back: Effect, forward: Effect
) -> None:
    assert effects(cron(expression, "Europe/Berlin", dst=rule)) == [back, forward]


def test_a_note_says_which_times_become_what() -> None:
    trigger = cron("0,30 2,3 * * *", "Europe/Berlin")
    back, forward = clock_change_notes(trigger, NOON, TriggerState(), CALENDARS)
    assert back.fires == (utc("2031-10-26T00:00"), utc("2031-10-26T00:30"))
    assert back.sentence == (
        "On 2031-10-26 clocks in Europe/Berlin are put back from 03:00 to 02:00: "
        "02:00, 02:30 come twice and fire once, the first time."
    )
    assert forward.local_times == (local("2032-03-28T02:00"), local("2032-03-28T02:30"))
    assert forward.fires == (utc("2032-03-28T01:00"),)
    assert forward.sentence == (
        "On 2032-03-28 clocks in Europe/Berlin are put forward from 02:00 to 03:00: "
        "02:00, 02:30 do not exist and fire once at 03:00 instead."
    )


def test_a_day_may_be_missing_altogether() -> None:
    (apia, _) = clock_change_notes(
        cron("0 9 * * *", "Pacific/Apia"), utc("2011-12-01T00:00"), TriggerState(), CALENDARS
    )
    assert (apia.effect, apia.fires) == (Effect.SHIFTED, (utc("2011-12-30T10:00"),))
    assert "On 2011-12-30 clocks in Pacific/Apia are put forward from 00:00 to 00:00" in apia.sentence


def test_of_very_many_times_the_first_are_named() -> None:
    (back, _) = clock_change_notes(cron("* * * * * *", "Europe/Berlin"), NOON, TriggerState(), CALENDARS)
    assert (len(back.local_times), len(back.fires), back.has_more) == (10, 20, True)
    assert back.effect is Effect.TWICE


def test_what_ends_before_a_change_is_not_affected_by_it() -> None:
    assert effects(cron("30 2 * * *", "Europe/Berlin", end_at=utc("2031-12-01T00:00"))) == [
        Effect.ONCE,
        Effect.UNAFFECTED,
    ]


def test_a_trigger_without_a_zone_and_a_zone_without_changes_have_no_notes() -> None:
    assert effects(FixedRateTrigger(every=HOUR)) == []
    assert effects(cron("30 2 * * *", "UTC")) == []


def test_one_local_time_has_notes_as_well_and_a_union_those_of_its_parts() -> None:
    once = OneTimeTrigger(at=LocalMoment(local("2031-10-26T02:30"), BERLIN))
    assert effects(once) == [Effect.ONCE, Effect.UNAFFECTED]
    parts = (
        once,
        cron("@hourly", "America/New_York"),
        cron("30 * * * *", "America/New_York"),
        FixedRateTrigger(every=HOUR),
    )
    notes = clock_change_notes(AnyOfTrigger(triggers=parts), NOON, TriggerState(), CALENDARS)
    assert [(n.zone, n.effect) for n in notes] == [
        ("Europe/Berlin", Effect.ONCE),
        ("America/New_York", Effect.TWICE),
        ("America/New_York", Effect.TWICE),
        ("America/New_York", Effect.SKIPPED),
        ("America/New_York", Effect.SKIPPED),
        ("Europe/Berlin", Effect.UNAFFECTED),
    ]


@given(expressions(), clock_changes, st.sampled_from(list(Gap)), st.sampled_from(list(Overlap)))
@thorough
def test_notes_say_what_the_trigger_then_does(
    expression: CronExpression, change: tuple[str, datetime], gap: Gap, overlap: Overlap
) -> None:
    zone, at = TimeZone(change[0]), change[1]
    trigger = CronTrigger(expression=expression, zone=zone, dst=DstRule(gap, overlap))
    note = clock_change_notes(trigger, at - timedelta(days=3), TriggerState(), CALENDARS, count=1)[0]
    event(note.effect)
    assert note.change.at == at
    width = note.change.window_end - note.change.window_start
    start = at if note.change.is_gap else at - width
    fires, after = list[datetime](), start - timedelta(microseconds=1)
    while len(fires) <= 2 * MOST_TIMES and (fire := trigger.next_fire(after, TriggerState(), CALENDARS)) is not None:
        if fire >= at + (timedelta(microseconds=1) if note.change.is_gap else width):
            break
        fires.append(fire)
        after = fire
    named = {t for t in note.local_times if expression.matches(t)}
    assert named == set(note.local_times)
    if note.change.is_gap:
        assert set(note.fires) <= set(fires)
        assert bool(note.fires) is (note.effect is Effect.SHIFTED)
    elif not note.has_more:
        assert list(note.fires) == fires
    if note.effect is Effect.UNAFFECTED:
        assert not note.local_times
