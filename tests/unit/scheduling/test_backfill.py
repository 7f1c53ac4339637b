"""A backfill: its states, its throttle, and how it gives way to the fires of the schedule."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.scheduling.backfill import LOOK_AGAIN, Backfill, BackfillStatus
from domain.scheduling.backfill_errors import IllegalBackfillState
from domain.scheduling.backfill_plan import BackfillOrder, BackfillOverlap, BackfillPlan, Stretch
from domain.scheduling.ids import BackfillId, OccurrenceId
from domain.scheduling.occurrence import Decision, schedule_fire_key
from domain.scheduling.policies import FiringPolicy, OverlapPolicy
from domain.scheduling.schedule import Tail
from domain.shared.ids import DEFAULT_TENANT
from tests.builders import DAY, HOUR, JOB_ID, MINUTE, NOON, SECOND, every, schedule, uid

TIMES = every(HOUR, 24, NOON - DAY)
ALLOW = BackfillOverlap.ALLOW
FREE = FiringPolicy(overlap=OverlapPolicy.ALLOW)
NO_TIME = timedelta(0)


def backfill(times: tuple[datetime, ...] = TIMES, last: bool = True, **plan: Any) -> Backfill:
    """Started at noon over the day before; it knows `times`."""
    given = BackfillPlan(**{"begin": NOON - DAY, "end": NOON, **plan})
    made = Backfill.start(BackfillId(uid(9)), DEFAULT_TENANT, (JOB_ID, "backup"), given, "ann", NOON)
    made.looked_ahead(Stretch(times=times, frontier=times[-1], is_last=last))
    made.release_events()
    return made


def test_it_is_due_at_once_and_has_done_nothing() -> None:
    made = backfill()
    assert (made.due_at, made.status, made.progress, made.fired) == (NOON, BackfillStatus.RUNNING, 0.0, 0)
    assert not made.needs_times


def test_one_that_waits_takes_one_time_at_once_and_the_others_stay_in_order() -> None:
    made = backfill()
    assert made.take(live=0, now=NOON) == TIMES[:1]
    assert (made.waiting, made.fired, made.due_at) == (TIMES[1:], 1, NOON)
    assert made.progress == pytest.approx(1 / 24)


def test_one_that_may_overlap_fills_up_to_its_most_live_tasks() -> None:
    made = backfill(overlap=ALLOW, max_live=10)
    assert len(made.take(live=3, now=NOON)) == 7


@pytest.mark.parametrize(("rate", "taken", "pause"), [(6, 1, 10 * SECOND), (60, 5, 5 * SECOND), (1, 1, MINUTE)])
def test_a_rate_is_kept_by_pausing_for_what_was_taken(rate: int, taken: int, pause: timedelta) -> None:
    made = backfill(overlap=ALLOW, max_live=1000, per_minute=rate)
    assert len(made.take(live=0, now=NOON)) == taken
    assert made.due_at == NOON + pause


def test_the_last_time_completes_it() -> None:
    made = backfill(TIMES[:1])
    made.take(live=0, now=NOON)
    assert (made.status, made.due_at, made.ended_at, made.progress) == (BackfillStatus.COMPLETED, None, NOON, 1.0)
    assert [e.type for e in made.release_events()] == ["BackfillCompleted"]


def test_with_more_to_find_it_goes_on() -> None:
    made = backfill(TIMES[:1], last=False)
    made.take(live=0, now=NOON)
    assert made.status is BackfillStatus.RUNNING
    assert made.needs_times


def test_times_that_have_fired_are_passed_over_and_counted() -> None:
    made = backfill()
    made.pass_over({schedule_fire_key(t) for t in TIMES[:20]})
    assert (made.passed, made.waiting) == (20, TIMES[20:])


def test_a_forced_one_has_keys_of_its_own() -> None:
    assert backfill().key_of(NOON) == schedule_fire_key(NOON)
    assert backfill(force=True).key_of(NOON) == f"backfill:{uid(9)}:2031-05-06T12:00:00Z"


def test_progress_of_the_newest_first_counts_from_the_end() -> None:
    made = backfill(TIMES[::-1], order=BackfillOrder.NEWEST_FIRST)
    made.take(live=0, now=NOON)
    assert made.progress == pytest.approx(2 / 24)


def test_it_waits_while_any_task_of_the_job_is_live_or_its_own_are_enough() -> None:
    waiting = backfill().hindrance(schedule(live=1), 0, NO_TIME, NOON)
    assert waiting is not None
    assert (waiting.reason, waiting.until) == ("1 task(s) of the job still unfinished", NOON + LOOK_AGAIN)
    beside = backfill(overlap=ALLOW, max_live=3)
    assert beside.hindrance(schedule(live=3), 2, NO_TIME, NOON) is None
    assert beside.hindrance(schedule(live=3), 3, NO_TIME, NOON) is not None


def test_nothing_starts_that_may_still_run_when_the_schedule_fires() -> None:
    due = schedule([NOON + HOUR, NOON + 2 * HOUR])
    assert backfill().hindrance(due, 0, HOUR - SECOND, NOON) is None
    held = backfill().hindrance(due, 0, HOUR, NOON)
    assert held is not None
    assert held.until == NOON + HOUR + LOOK_AGAIN
    assert backfill().hindrance(schedule([NOON + HOUR, NOON + 2 * HOUR], FREE), 0, HOUR, NOON) is None


def test_after_a_fire_was_skipped_the_next_one_has_the_job_for_itself() -> None:
    tail = Tail(occurrence_id=OccurrenceId(uid(5)), decision=Decision.SKIPPED_OVERLAP)
    skipped = schedule([NOON + HOUR, NOON + 2 * HOUR], tail=tail)
    assert backfill().hindrance(skipped, 0, NO_TIME, NOON) is not None
    assert backfill().hindrance(schedule([NOON + HOUR, NOON + 2 * HOUR]), 0, NO_TIME, NOON) is None


def test_a_schedule_that_does_not_get_on_itself_holds_up_no_backfill() -> None:
    assert backfill().hindrance(schedule([NOON - HOUR, NOON + HOUR]), 0, HOUR, NOON) is None
    assert backfill().hindrance(schedule([NOON], active=False), 0, HOUR, NOON) is None


def test_a_time_that_the_schedule_has_yet_to_decide_is_left_to_it() -> None:
    late = schedule([TIMES[0], NOON + HOUR], FREE)
    assert backfill().hindrance(late, 0, NO_TIME, NOON) is not None
    paused = schedule([TIMES[0], NOON + HOUR], FREE, active=False)
    assert backfill().hindrance(paused, 0, NO_TIME, NOON) is None


def test_pausing_resuming_and_cancelling_are_said_once() -> None:
    made = backfill()
    assert made.pause("maintenance", "ann", NOON)
    assert not made.pause("again", "ann", NOON)
    assert (made.due_at, made.status_reason) == (None, "maintenance")
    assert made.resume("bob", NOON + HOUR)
    assert not made.resume("bob", NOON)
    assert (made.due_at, made.status_reason, made.updated_by) == (NOON + HOUR, None, "bob")
    assert made.cancel("not needed", "ann", NOON)
    assert not made.cancel("again", "ann", NOON)
    assert (made.status, made.due_at, made.waiting) == (BackfillStatus.CANCELLED, None, ())
    assert [e.type for e in made.release_events()] == ["BackfillPaused", "BackfillResumed", "BackfillCancelled"]


@pytest.mark.parametrize("action", ["pause", "resume", "cancel"])
def test_one_that_has_ended_takes_no_orders(action: str) -> None:
    made = backfill(TIMES[:1])
    made.take(live=0, now=NOON)
    with pytest.raises(IllegalBackfillState, match=f"COMPLETED; it cannot {action}"):
        getattr(made, action)(*[None, "ann", NOON][-2 if action == "resume" else -3 :])
