"""Why a job has fired at a time, has not, or will not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.scheduling.explanation import Explanation, Reason, WhyNot
from domain.scheduling.ids import TaskId
from domain.scheduling.job import Job, JobStatus
from domain.scheduling.occurrence import Decision
from domain.scheduling.schedule import Schedule
from domain.scheduling.task_explanation import StopFacts
from domain.timing.ports import Calendars
from domain.timing.trigger import TICK, Trigger


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionFacts:
    """An entry of the ledger: what was decided about `count` times from `first` to `last`."""

    decision: Decision
    first: datetime
    last: datetime
    planned: datetime
    decided: datetime
    count: int
    reason: str | None
    task_id: TaskId | None
    job_version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFacts:
    """A job, its schedule, what stops it from outside, and what the ledger says about the time in question."""

    job: Job
    schedule: Schedule
    trigger: Trigger
    health_error: str | None = None
    firing: StopFacts | None = None
    decisions: Sequence[DecisionFacts] = ()


def explain_fire(facts: JobFacts, at: datetime | None, calendars: Calendars, now: datetime) -> Explanation:
    """About the fire at the nominal time `at`; without one about the next fire. The nearest reason first."""
    if at is not None and at <= now:
        return Explanation(at=at, reasons=list(_about_the_past(facts, at, calendars)))
    reasons = list(_holding(facts))
    planned = None if reasons else _planned(facts, at, calendars, now)
    if planned is not None:
        reasons.append(planned)
    return Explanation(at=at or now, reasons=reasons, earliest=planned.until if planned is not None else None)


def _about_the_past(facts: JobFacts, at: datetime, calendars: Calendars) -> Iterator[Reason]:
    job = facts.job
    if facts.decisions:
        yield from map(_decided, facts.decisions)
        return
    if at < job.created_at:
        yield Reason(
            code=WhyNot.NOT_PLANNED, detail=f"The job did not exist yet; it was made at {_text(job.created_at)}."
        )
        return
    if job.unreadable is not None:  # whether it had that time is not known here
        yield from _holding(facts)
        return
    if facts.trigger.next_fire(at - TICK, facts.schedule.state, calendars) != at:
        yield _not_planned(facts, at, calendars)
        return
    if facts.schedule.active and at in facts.schedule.upcoming:
        yield from _holding(facts)
        detail = f"Its fire at {_text(at)} is due, and no node has decided about it yet."
        yield Reason(
            code=WhyNot.OVERDUE, detail=detail, fix="Is a node with the planner alive? See GET /cluster/status."
        )
        return
    since = facts.schedule.state.since
    detail = f"The ledger has no decision about {_text(at)}: its present schedule began" + (
        f" at {_text(since)}." if since is not None else " later."
    )
    yield Reason(code=WhyNot.NOT_PLANNED, detail=detail, facts={"since": None if since is None else _text(since)})


def _decided(d: DecisionFacts) -> Reason:
    times = _text(d.first) if d.count == 1 else f"{d.count} times from {_text(d.first)} to {_text(d.last)}"
    why = f": {d.reason}" if d.reason else ""
    ran = f" as task {d.task_id}" if d.task_id is not None else ""
    detail = f"{d.decision}{ran} ({times}; decided at {_text(d.decided)}){why}."
    facts = {"decision": d.decision.value, "count": d.count, "taskId": str(d.task_id) if d.task_id else None}
    fix = "Run those times after all: POST /jobs/{job}/backfill." if d.task_id is None else None
    return Reason(code=WhyNot.DECIDED, detail=detail, fix=fix, facts=facts | {"jobVersion": d.job_version})


def _holding(facts: JobFacts) -> Iterator[Reason]:
    job, schedule = facts.job, facts.schedule
    if job.status is not JobStatus.ACTIVE:
        why = f": {job.status_reason}" if job.status_reason else ""
        how = {JobStatus.PAUSED: "resume", JobStatus.DELETED: None}.get(job.status, "activate")
        fix = None if how is None else f"Let it fire: POST /jobs/{{job}}/{how}."
        yield Reason(code=WhyNot.NOT_ACTIVE, detail=f"The job is {job.status}{why}.", fix=fix)
    if facts.firing is not None:
        stop = facts.firing
        detail = f"Firing is stopped since {_text(stop.since)}, by {stop.by}: {stop.reason}"
        yield Reason(code=WhyNot.FIRING_STOPPED, detail=detail, fix="Let it go on: POST /cluster/firing/start.")
    if job.unreadable is not None:
        detail = f"Its definition cannot be used by this server: {job.unreadable}"
        fix = "Install here what the definition names, for example the package with its trigger type, or mend it."
        yield Reason(code=WhyNot.SET_ASIDE, detail=detail, fix=fix)
        return
    if facts.health_error is not None:
        detail = f"Its schedule could not be decided and was set aside: {facts.health_error}"
        yield Reason(code=WhyNot.SET_ASIDE, detail=detail, fix="It is tried again every minute; mend its definition.")
    if job.status is not JobStatus.ACTIVE:
        return
    if schedule.awaited is not None:
        detail = f"The next time follows from the end of task {schedule.awaited}, which has not ended."
        yield Reason(code=WhyNot.AWAITS_END, detail=detail, facts={"taskId": str(schedule.awaited)})
    elif not schedule.upcoming and not facts.trigger.by_clock:
        detail = f"No clock makes it fire: its trigger is {facts.trigger.kind}."
        yield Reason(code=WhyNot.FOR_ANOTHER_REASON, detail=detail, fix="Run it now: POST /jobs/{job}/trigger.")
    elif schedule.exhausted and not schedule.upcoming:
        detail = f"Its trigger has no more times; it has fired {schedule.state.fired_count} times."
        yield Reason(code=WhyNot.EXHAUSTED, detail=detail, fix="Change its trigger, its end, or its maxExecutions.")


def _planned(facts: JobFacts, at: datetime | None, calendars: Calendars, now: datetime) -> Reason | None:
    schedule, trigger = facts.schedule, facts.trigger
    if at is None:
        due = schedule.due_at
        if due is None:
            return None
        detail = f"Its next fire is at {_text(due)}."
        return Reason(code=WhyNot.PLANNED, detail=detail, until=max(due, now))
    if trigger.next_fire(at - TICK, schedule.state, calendars) != at:
        return _not_planned(facts, at, calendars)
    if (skip := schedule.skipped.get(at)) is not None:
        return Reason(code=WhyNot.LEFT_OUT, detail=f"It is to be left out, {skip.words}.", fix="Undo the skip.")
    return Reason(code=WhyNot.PLANNED, detail=f"It is to fire at {_text(at)}.", until=at)


def _not_planned(facts: JobFacts, at: datetime, calendars: Calendars) -> Reason:
    following = facts.trigger.next_fire(at, facts.schedule.state, calendars)
    nearest = f"the next one after it is at {_text(following)}" if following else "there is none after it"
    detail = f"Its trigger has no time at {_text(at)}; {nearest}."
    return Reason(code=WhyNot.NOT_PLANNED, detail=detail, fix="See its times: GET /jobs/{job}/next.")


def _text(instant: datetime) -> str:
    return instant.isoformat(timespec="seconds" if not instant.microsecond else "auto").replace("+00:00", "Z")
