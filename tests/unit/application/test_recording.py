"""Decisions about fires, written up as ledger entries, tasks and events."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from application.scheduling.recording import WrittenUp, write_up, write_up_manual
from domain.scheduling.events import OccurrenceDecided, TaskCreated
from domain.scheduling.firing import decide
from domain.scheduling.ids import LaneId, OccurrenceId, RunId, TaskId
from domain.scheduling.occurrence import Decision, Occurrence, manual_fire_key
from domain.scheduling.overlap import RUNS, judge_overlap
from domain.scheduling.policies import FiringPolicy, Misfire, MisfirePolicy, OverlapPolicy
from domain.scheduling.schedule import Schedule, Tail
from domain.scheduling.task import NewTask, Origin
from domain.shared.json_value import JsonText
from domain.timing.trigger import TriggerState
from tests.builders import HOUR, JOB_ID, LANE, MINUTE, NOON, every, schedule, uid
from tests.unit.application.fakes import CountedIds

FIRED, COALESCED = Decision.FIRED, Decision.COALESCED
ALLOW = FiringPolicy(overlap=OverlapPolicy.ALLOW)
OTHER_ENTRY = OccurrenceId(uid(77))


def written(now: datetime, *due: Schedule) -> WrittenUp:
    return write_up([decide(each, now) for each in due], CountedIds(), now)


def test_a_fire_becomes_a_task_its_entry_and_two_events() -> None:
    result = written(NOON + 5 * MINUTE, schedule(every(HOUR, 8), ALLOW, job_version=3))
    task_id = TaskId(uid(1001))
    assert result.fired.tasks == [
        NewTask(
            id=task_id, job_id=JOB_ID, job_version=3, run_id=RunId(task_id), origin=Origin.SCHEDULE,
            fire_key="2031-05-06T12:00:00Z", nominal_at=NOON, scheduled_time=NOON, gate=None,
        )
    ]  # fmt: skip
    assert result.fired.occurrences == [
        Occurrence(
            id=OccurrenceId(uid(1002)), job_id=JOB_ID, fire_key="2031-05-06T12:00:00Z", decision=FIRED,
            first_nominal=NOON, last_nominal=NOON, planned_at=NOON, count=1, reason=None, task_id=task_id,
            job_version=3,
        )
    ]  # fmt: skip
    assert result.events == [
        TaskCreated(occurred_at=NOON + 5 * MINUTE, task_id=task_id, job_id=JOB_ID, scheduled_time=NOON),
        OccurrenceDecided(
            occurred_at=NOON + 5 * MINUTE, job_id=JOB_ID, fire_key="2031-05-06T12:00:00Z", nominal_at=NOON,
            decision="FIRED", count=1, task_id=task_id,
        ),
    ]  # fmt: skip
    assert result.lanes == {LANE: 1}
    (after,) = result.fired.schedules
    assert (after.state, after.tail) == (TriggerState(last_nominal=NOON, fired_count=1), None)


def test_what_did_not_run_is_one_entry_however_many_fires_it_stands_for() -> None:
    result = written(NOON + 3 * MINUTE, schedule(every(MINUTE, 8), ALLOW))
    coalesced, fired = result.fired.occurrences
    assert (coalesced.decision, coalesced.count, coalesced.task_id) == (COALESCED, 3, None)
    assert (coalesced.first_nominal, coalesced.last_nominal) == (NOON, NOON + 2 * MINUTE)
    assert (coalesced.fire_key, coalesced.planned_at) == ("2031-05-06T12:00:00Z", NOON + 2 * MINUTE)
    assert coalesced.reason == "a later fire was due as well"
    assert (fired.decision, fired.first_nominal) == (FIRED, NOON + 3 * MINUTE)
    assert [event.type for event in result.events] == ["OccurrenceDecided", "TaskCreated", "OccurrenceDecided"]


def test_the_last_decision_not_to_run_is_the_tail_of_the_schedule() -> None:
    (after,) = written(NOON, schedule(every(MINUTE, 8), live=1)).fired.schedules
    assert after.tail == Tail(occurrence_id=OccurrenceId(uid(1001)), decision=Decision.SKIPPED_OVERLAP)


def test_a_decision_like_the_tail_continues_its_entry() -> None:
    tail = Tail(occurrence_id=OTHER_ENTRY, decision=Decision.SKIPPED_OVERLAP)
    result = written(NOON, schedule(every(MINUTE, 8), live=1, tail=tail))
    (entry,) = result.fired.occurrences
    assert (entry.id, entry.extends, entry.count) == (OTHER_ENTRY, OTHER_ENTRY, 1)
    assert (entry.first_nominal, entry.last_nominal) == (NOON, NOON)
    assert result.fired.schedules[0].tail == tail


def test_a_decision_of_another_kind_begins_an_entry_of_its_own() -> None:
    tail = Tail(occurrence_id=OTHER_ENTRY, decision=Decision.MISSED)
    result = written(NOON, schedule(every(MINUTE, 8), live=1, tail=tail))
    (entry,) = result.fired.occurrences
    assert (entry.id, entry.extends) == (uid(1001), None)
    assert result.fired.schedules[0].tail == Tail(occurrence_id=entry.id, decision=Decision.SKIPPED_OVERLAP)


def test_a_fire_ends_the_tail() -> None:
    tail = Tail(occurrence_id=OTHER_ENTRY, decision=COALESCED)
    result = written(NOON + MINUTE, schedule(every(MINUTE, 8), ALLOW, tail=tail))
    assert [(o.decision, o.extends) for o in result.fired.occurrences] == [(COALESCED, OTHER_ENTRY), (FIRED, None)]
    assert result.fired.schedules[0].tail is None


def test_two_kinds_in_turn_never_write_one_entry_twice() -> None:
    mixed = FiringPolicy(misfire=Misfire(policy=MisfirePolicy.FIRE_ALL, max_fires=3), overlap=OverlapPolicy.SKIP)
    tail = Tail(occurrence_id=OTHER_ENTRY, decision=Decision.SKIPPED_OVERLAP)
    result = written(NOON + 5 * MINUTE, schedule(every(MINUTE, 8), mixed, tail=tail))
    entries = [(o.decision, o.count) for o in result.fired.occurrences]
    assert entries == [(Decision.MISSED, 3), (FIRED, 1), (Decision.SKIPPED_OVERLAP, 2)]
    assert len({o.id for o in result.fired.occurrences}) == 3


def test_each_of_several_fires_is_a_task_and_an_entry_of_its_own() -> None:
    everything = replace(ALLOW, misfire=Misfire(policy=MisfirePolicy.FIRE_ALL))
    result = written(NOON + 2 * MINUTE, schedule(every(MINUTE, 8), everything))
    assert [o.task_id for o in result.fired.occurrences] == [t.id for t in result.fired.tasks]
    assert len({t.id for t in result.fired.tasks} | {o.id for o in result.fired.occurrences}) == 6
    assert result.lanes == {LANE: 3}


def test_tasks_are_counted_by_lane() -> None:
    two = [schedule(every(MINUTE, 8), ALLOW, lane=LaneId(n)) for n in (1, 2)]
    assert written(NOON, *two, two[0]).lanes == {LaneId(1): 2, LaneId(2): 1}


def test_a_schedule_without_decisions_is_written_as_it_is_now_known() -> None:
    waiting = schedule(every(MINUTE, 8))
    result = written(NOON - MINUTE, waiting)
    assert (result.fired.occurrences, result.fired.tasks, result.events) == ([], [], [])
    assert result.fired.schedules == [waiting]


TASK, KEY = TaskId(uid(5)), manual_fire_key(uid(5))
TAIL = Tail(occurrence_id=OTHER_ENTRY, decision=COALESCED)


def test_a_manual_run_is_a_fire_at_this_moment_and_moves_no_schedule() -> None:
    resting = schedule(every(HOUR, 8, NOON + HOUR), tail=TAIL, job_version=3)
    result = write_up_manual(resting, KEY, TASK, RUNS, JsonText('{"a":1}'), CountedIds(), NOON)
    (task,), (entry,) = result.fired.tasks, result.fired.occurrences
    assert (task.id, task.run_id, task.origin, task.job_version) == (TASK, RunId(TASK), Origin.MANUAL, 3)
    assert (task.fire_key, task.nominal_at, task.scheduled_time, task.parameters) == (KEY, None, NOON, '{"a":1}')
    assert (entry.decision, entry.fire_key, entry.task_id, entry.count) == (FIRED, KEY, TASK, 1)
    assert (entry.first_nominal, entry.last_nominal, entry.planned_at) == (NOON, NOON, NOON)
    assert result.fired.schedules == [replace(resting, tail=None)]
    assert result.lanes == {LANE: 1}
    assert [event.type for event in result.events] == ["TaskCreated", "OccurrenceDecided"]


def test_a_manual_run_that_overlaps_leaves_an_entry_that_says_why_and_no_task() -> None:
    result = write_up_manual(
        schedule(live=1), KEY, TASK, judge_overlap(OverlapPolicy.SKIP, 1, 0, is_last=True), None, CountedIds(), NOON
    )
    (entry,) = result.fired.occurrences
    assert (entry.decision, entry.task_id) == (Decision.SKIPPED_OVERLAP, None)
    assert entry.reason == "1 earlier task(s) still unfinished"
    assert (result.fired.tasks, result.lanes[LANE]) == ([], 0)
    assert [event.type for event in result.events] == ["OccurrenceDecided"]
