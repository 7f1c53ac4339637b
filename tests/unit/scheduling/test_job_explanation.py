"""Why a job fired, did not, or will not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from domain.scheduling.explanation import Explanation, WhyNot
from domain.scheduling.ids import LaneId, TaskId
from domain.scheduling.job import Job, JobDefinition, JobStatus
from domain.scheduling.job_explanation import DecisionFacts, JobFacts, explain_fire
from domain.scheduling.occurrence import Decision
from domain.scheduling.policies import FiringPolicy
from domain.scheduling.schedule import Schedule
from domain.scheduling.skip import Skip
from domain.scheduling.task_explanation import StopFacts
from domain.shared.ids import DEFAULT_TENANT
from domain.timing.trigger import Trigger, TriggerState
from domain.timing.triggers.manual import ManualTrigger
from tests.builders import CALENDARS, JOB_ID, MINUTE, NOON, SECOND, cron

HOUR = 60 * MINUTE
HOURLY: Trigger = cron("0 * * * *")
STOP = StopFacts(reason="moving", since=NOON - HOUR, by="ann")


def facts(trigger: Trigger = HOURLY, status: JobStatus = JobStatus.ACTIVE, **given: Any) -> JobFacts:
    job = Job.create(
        JOB_ID,
        DEFAULT_TENANT,
        JobDefinition(name="backup", type="COMMAND", parameters={"command": ["true"]}, trigger=trigger),
        "ann",
        NOON - 24 * HOUR,
    )
    job.status, job.status_reason = status, "nightly move" if status is not JobStatus.ACTIVE else None
    schedule = Schedule(
        job_id=JOB_ID,
        job_version=1,
        lane=LaneId(1),
        policy=FiringPolicy(),
        state=TriggerState(last_nominal=NOON, since=NOON - 2 * HOUR),
        upcoming=(NOON + HOUR, NOON + 2 * HOUR) if trigger is HOURLY else (),
        active=status is JobStatus.ACTIVE,
        exhausted=trigger is not HOURLY,
    )
    schedule = replace(schedule, **given.pop("schedule", {}))
    return JobFacts(job=job, schedule=schedule, trigger=trigger, **given)


def told(known: JobFacts, at: Any = None, now: Any = NOON + SECOND) -> Explanation:
    return explain_fire(known, at, CALENDARS, now)


def decision(decision: Decision = Decision.FIRED, **given: Any) -> DecisionFacts:
    known: dict[str, Any] = {
        "decision": decision,
        "first": NOON,
        "last": NOON,
        "planned": NOON,
        "decided": NOON,
        "count": 1,
        "reason": None,
        "task_id": TaskId(UUID(int=9)) if decision is Decision.FIRED else None,
        "job_version": 3,
    }
    return DecisionFacts(**known | given)


SKIPPED = {"skips": (Skip(nominal=NOON + HOUR, reason="holiday", by="ann"),)}
CASES: dict[WhyNot, tuple[JobFacts, Any, list[str]]] = {
    WhyNot.DECIDED: (
        facts(decisions=(decision(Decision.SKIPPED_OVERLAP, reason="1 earlier task unfinished"),)),
        NOON,
        ["SKIPPED_OVERLAP", "1 earlier task unfinished", "12:00:00Z"],
    ),
    WhyNot.NOT_ACTIVE: (facts(status=JobStatus.PAUSED), None, ["PAUSED", "nightly move"]),
    WhyNot.NOT_PLANNED: (facts(), NOON - 30 * MINUTE, ["no time at", "11:30:00Z", "12:00:00Z"]),
    WhyNot.PLANNED: (facts(), None, ["13:00:00Z"]),
    WhyNot.LEFT_OUT: (facts(schedule=SKIPPED), NOON + HOUR, ["ann", "holiday"]),
    WhyNot.FIRING_STOPPED: (facts(firing=STOP), None, ["moving", "ann"]),
    WhyNot.SET_ASIDE: (facts(health_error="no zone Mars"), None, ["no zone Mars"]),
    WhyNot.OVERDUE: (facts(schedule={"upcoming": (NOON, NOON + HOUR)}), NOON, ["no node has decided"]),
    WhyNot.EXHAUSTED: (
        facts(cron("0 12 * * *", end_at=NOON), schedule={"exhausted": True}),
        None,
        ["no more times"],
    ),
    WhyNot.AWAITS_END: (facts(schedule={"upcoming": (), "awaited": TaskId(UUID(int=7))}), None, [str(UUID(int=7))]),
    WhyNot.FOR_ANOTHER_REASON: (facts(ManualTrigger()), None, ["MANUAL"]),
}


@pytest.mark.parametrize("why", WhyNot)
def test_every_reason_that_there_is_is_named_with_its_facts(why: WhyNot) -> None:
    known, at, words = CASES[why]
    reasons = {reason.code: reason for reason in told(known, at).reasons}
    assert why in reasons
    assert all(word in reasons[why].detail for word in words), reasons[why].detail


def test_of_the_past_the_ledger_decides_also_when_the_job_has_changed_since() -> None:
    known = facts(ManualTrigger(), JobStatus.DISABLED, decisions=(decision(),))
    (reason,) = told(known, NOON).reasons
    assert (reason.code, reason.facts["taskId"], reason.facts["jobVersion"]) == (WhyNot.DECIDED, str(UUID(int=9)), 3)
    assert reason.fix is None


def test_one_entry_for_many_times_says_how_many() -> None:
    held = decision(Decision.SKIPPED_PAUSED, first=NOON - 3 * HOUR, count=4, reason="the job was paused")
    (reason,) = told(facts(decisions=(held,)), NOON - HOUR).reasons
    assert "4 times from" in reason.detail
    assert reason.fix is not None


def test_before_the_job_was_made_there_was_nothing_to_fire() -> None:
    (reason,) = told(facts(), NOON - 48 * HOUR).reasons
    assert (reason.code, "did not exist" in reason.detail) == (WhyNot.NOT_PLANNED, True)


def test_a_time_before_its_present_schedule_is_told_from_one_that_was_forgotten() -> None:
    (reason,) = told(facts(), NOON - 5 * HOUR).reasons
    assert (reason.code, "began" in reason.detail) == (WhyNot.NOT_PLANNED, True)


def test_a_time_to_come_that_the_trigger_has_is_planned() -> None:
    explanation = told(facts(), NOON + 5 * HOUR)
    assert ([r.code for r in explanation.reasons], explanation.earliest) == ([WhyNot.PLANNED], NOON + 5 * HOUR)
    assert told(facts(), NOON + 90 * MINUTE).reasons[0].code is WhyNot.NOT_PLANNED


def test_all_that_holds_it_is_said() -> None:
    known = facts(status=JobStatus.DISABLED, firing=STOP, health_error="broken")
    assert [r.code for r in told(known).reasons] == [WhyNot.NOT_ACTIVE, WhyNot.FIRING_STOPPED, WhyNot.SET_ASIDE]
    assert told(known).earliest is None
