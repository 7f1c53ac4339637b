"""Why a task is not running, from all that is known of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from domain.scheduling.dependency_explanation import DependencyFacts, waits_for
from domain.scheduling.executor import ExecutorStatus
from domain.scheduling.explanation import Explanation, Reason, Why
from domain.scheduling.ids import TaskId
from domain.scheduling.key_template import OWN_SLOT
from domain.scheduling.placement import Capability, Lane
from domain.scheduling.supply import Supply
from domain.scheduling.task_status import Gate, TaskStatus
from domain.shared.json_value import JsonValue

Facts = Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFacts:
    """A key of a limit, how many of its `most` places are `taken`, and by which tasks (some of them)."""

    key: str
    taken: int
    most: int
    by: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HolderFacts:
    """The executor that has the task; `last_heard` is its last heartbeat."""

    id: str
    status: ExecutorStatus
    last_heard: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorFacts:
    """An executor that is not OFFLINE, and how many tasks it holds."""

    id: str
    status: ExecutorStatus
    capability: Capability
    held: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StopFacts:
    """A kill switch that concerns the task."""

    reason: str
    since: datetime
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFacts:
    """A task and what it meets on its way. `ahead`: those that stand before it in its lane, counted to a bound.

    `root_cause`: the task with whose end it began that this one never ran.
    """

    status: TaskStatus
    gate: Gate | None
    attempt: int
    max_attempts: int
    priority: int
    lane: Lane
    ready_at: datetime
    stopping_until: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    claimed_at: datetime | None = None
    is_undelivered: bool = False
    status_reason: str | None = None
    error: str | None = None
    holder: HolderFacts | None = None
    dependencies: DependencyFacts | None = None
    root_cause: TaskId | None = None
    slot: KeyFacts | None = None
    turn: KeyFacts | None = None
    rate_key: str | None = None
    rate_free_at: datetime | None = None
    ahead: int = 0
    claiming: StopFacts | None = None
    pool: StopFacts | None = None
    executors: Sequence[ExecutorFacts] = ()


def explain(task: TaskFacts, now: datetime, silence: timedelta) -> Explanation:
    """Every reason, the nearest first. What has ended or runs has one. An executor is lost after so much `silence`."""
    reasons = list(_reasons(task, now, silence))
    waits = [reason.until for reason in reasons]
    earliest = None
    if not task.status.is_final and task.status is not TaskStatus.RUNNING and all(wait is not None for wait in waits):
        earliest = max([wait for wait in waits if wait is not None], default=now)
    return Explanation(at=now, reasons=reasons, earliest=earliest)


def _reasons(task: TaskFacts, now: datetime, silence: timedelta) -> Iterator[Reason]:
    if task.stopping_until is not None:
        yield _stopping(task, task.stopping_until)
    elif task.status.is_final:
        yield _ended(task)
    elif task.holder is not None:
        yield _held(task, task.holder, now, silence)
    else:
        if task.gate is not None:
            yield _AT_GATE[task.gate](task, now)
        yield from _ahead_of_claims(task, now)


def _ended(task: TaskFacts) -> Reason:
    how = f"It has ended {task.status}" + (f": {task.error or task.status_reason}" if _said(task) else ".")
    retry = task.status in (TaskStatus.FAILED, TaskStatus.TIMEOUT, TaskStatus.CANCELLED)
    fix = "Try it once more: POST /tasks/{id}/retry." if retry else None
    facts: dict[str, JsonValue] = {"endedAt": _text(task.ended_at)}
    if task.root_cause is not None:
        cause = facts["causeTaskId"] = str(task.root_cause)
        fix = f"Try its upstream once more, and this with it: POST /tasks/{cause}/retry?downstream=true."
    return Reason(code=Why.ENDED, detail=how, fix=fix, facts=facts)


def _said(task: TaskFacts) -> bool:
    return task.status is not TaskStatus.COMPLETED and bool(task.error or task.status_reason)


def _stopping(task: TaskFacts, until: datetime) -> Reason:
    holder = task.holder.id if task.holder else "its executor"
    detail = f"Its attempt {task.attempt} was ended ({task.status}) and {holder} has yet to stop it."
    return Reason(code=Why.STOPPING, detail=detail, until=until, facts={"stoppingUntil": _text(until)})


def _held(task: TaskFacts, holder: HolderFacts, now: datetime, silence: timedelta) -> Reason:
    quiet = now - holder.last_heard
    facts: dict[str, JsonValue] = {"executorId": holder.id, "lastHeartbeatAt": _text(holder.last_heard)}
    if quiet * 2 > silence or holder.status is ExecutorStatus.OFFLINE:
        lost_at = holder.last_heard + silence
        detail = f"Executor {holder.id} has it and has said nothing for {quiet.total_seconds():.0f} s."
        fix = "It is given to another one once the executor counts as lost."
        return Reason(code=Why.EXECUTOR_SILENT, detail=detail, fix=fix, until=lost_at, facts=facts)
    if task.is_undelivered:
        detail = f"It was assigned to executor {holder.id} by name, which has not fetched it yet."
        fix = "Its next claim brings it. Is it full, or has its worker stopped?"
        return Reason(code=Why.NOT_FETCHED, detail=detail, fix=fix, facts=facts)
    if task.status is TaskStatus.ASSIGNED:
        detail = f"Executor {holder.id} has taken it and has not said that it began."
        return Reason(code=Why.HANDED_OUT, detail=detail, facts=facts)
    detail = f"It runs on {holder.id}, attempt {task.attempt} of {task.max_attempts}."
    return Reason(code=Why.RUNNING, detail=detail, facts=facts | {"startedAt": _text(task.started_at)})


def _at_time(task: TaskFacts, now: datetime) -> Reason:
    if task.status is TaskStatus.WAITING_RETRY:
        why = f" ({task.error})" if task.error else ""
        detail = f"Attempt {task.attempt} of {task.max_attempts} has ended{why}; the next one waits for its time."
        fix = "The job's retry policy sets the wait; POST /tasks/{id}/assign gives it away at once."
        return Reason(code=Why.RETRY_LATER, detail=detail, fix=fix, until=task.ready_at)
    detail = f"It is to start at {_text(task.ready_at)}."
    return Reason(code=Why.NOT_DUE, detail=detail, until=task.ready_at)


def _at_dependency(task: TaskFacts, now: datetime) -> Reason:
    return waits_for(task.dependencies or DependencyFacts(edges=(), required=0), now)


def _at_pause(task: TaskFacts, now: datetime) -> Reason:
    return Reason(code=Why.PAUSED, detail="It is held back until it is resumed.", fix="Resume what was paused.")


def _at_limit(task: TaskFacts, now: datetime) -> Reason:
    slot = task.slot
    if slot is None or slot.taken < slot.most:
        return _about_to_be_let_in(task, now)
    detail = f"All {slot.most} slots of the key {slot.key!r} are taken, by {', '.join(slot.by) or 'others'}."
    fix = "It goes when one of them ends. Raise the job's concurrency limit if more may run."
    if slot.key.startswith(OWN_SLOT):
        detail = (
            f"An earlier run of its job is unfinished ({', '.join(slot.by)}); by the job's overlap policy it waits."
        )
        fix = "It goes when that one has ended. See GET /tasks/{id}/explain of it, or cancel it."
    facts: Facts = {"key": slot.key, "taken": slot.taken, "limit": slot.most, "takenBy": list(slot.by)}
    return Reason(code=Why.LIMIT_REACHED, detail=detail, fix=fix, facts=facts)


def _at_rate(task: TaskFacts, now: datetime) -> Reason:
    if task.rate_free_at is None or task.rate_free_at <= now:
        return _about_to_be_let_in(task, now)
    detail = f"The rate of the key {task.rate_key!r} is used up; the next start is at {_text(task.rate_free_at)}."
    fix = "Those before it with the same key go first. Raise the job's rate limit if more may start."
    return Reason(code=Why.RATE_LIMITED, detail=detail, fix=fix, until=task.rate_free_at, facts={"key": task.rate_key})


def _at_turn(task: TaskFacts, now: datetime) -> Reason:
    turn = task.turn
    if turn is None or turn.taken < turn.most:
        return _about_to_be_let_in(task, now)
    detail = f"The key {turn.key!r} has its {turn.most} tasks in the queue; others take their turn between them."
    fix = "It goes when one of them is claimed. More executors, or a greater weight, make that sooner."
    facts: Facts = {"key": turn.key, "taken": turn.taken, "window": turn.most}
    return Reason(code=Why.TURN_OF_OTHERS, detail=detail, fix=fix, facts=facts)


def _about_to_be_let_in(task: TaskFacts, now: datetime) -> Reason:
    detail = f"There is room at its gate {task.gate}; it is let into the queue in its turn, within seconds."
    return Reason(code=Why.ABOUT_TO_BE_LET_IN, detail=detail, until=now)


_AT_GATE = MappingProxyType(
    {
        Gate.TIME: _at_time,
        Gate.DEPENDENCY: _at_dependency,
        Gate.LIMIT: _at_limit,
        Gate.RATE: _at_rate,
        Gate.FAIRNESS: _at_turn,
        Gate.PAUSED: _at_pause,
    }
)


def _ahead_of_claims(task: TaskFacts, now: datetime) -> Iterator[Reason]:
    """What would hold it in the queue; said of one that is not there yet, too, so that nobody is surprised twice."""
    lane = task.lane
    if task.claiming is not None:
        yield _stopped(
            Why.CLAIMING_STOPPED, "No executor is given a task", task.claiming, "POST /cluster/claiming/start"
        )
    if task.pool is not None:
        what = f"The pool {lane.pool!r} is paused"
        yield _stopped(Why.POOL_PAUSED, what, task.pool, f"POST /pools/{lane.pool}/resume")
    supply = Supply.of(lane, [(e.id, e.status, e.capability, e.held) for e in task.executors])
    facts: Facts = supply.facts
    if lane.executor is not None and not supply.registered:
        detail = f"It may go to executor {lane.executor} only, and that one is not here."
        fix = "Start that worker, or name another one, or none, in the job's placement."
        yield Reason(code=Why.NAMED_EXECUTOR_AWAY, detail=detail, fix=fix, facts={"executorId": lane.executor})
    elif not supply.able:
        yield Reason(code=Why.NO_EXECUTOR, detail=supply.shortage(lane), fix=supply.remedy(lane), facts=facts)
    elif not supply.online:
        detail = f"The executors that could run it ({', '.join(supply.able)}) are draining."
        fix = "Activate one of them, or start another: POST /cluster/executors/{id}/activate."
        yield Reason(code=Why.EXECUTORS_DRAINING, detail=detail, fix=fix, facts=facts)
    elif not supply.free_slots:
        detail = f"All {supply.slots} slots of {len(supply.online)} executors that could run it are in use."
        fix = "It is claimed when a task ends. Start more workers, or give these more slots."
        yield Reason(code=Why.EXECUTORS_FULL, detail=detail, fix=fix, facts={**facts, "ahead": task.ahead})
    elif task.gate is None and task.claiming is None and task.pool is None:
        yield _in_queue(task, supply, now)


def _in_queue(task: TaskFacts, supply: Supply, now: datetime) -> Reason:
    facts = {**supply.facts, "ahead": task.ahead, "priority": task.priority}
    if task.ahead >= supply.free_slots:
        detail = f"{task.ahead} tasks stand before it in its lane, and {supply.free_slots} slots are free."
        fix = "A higher priority moves it up by one hour of waiting for each level."
        return Reason(code=Why.BEHIND_OTHERS, detail=detail, fix=fix, facts=facts)
    detail = f"Nothing holds it: {supply.free_slots} slots are free, and {task.ahead} tasks stand before it."
    return Reason(code=Why.ABOUT_TO_BE_CLAIMED, detail=detail, until=now, facts=facts)


def _stopped(code: Why, what: str, stop: StopFacts, call: str) -> Reason:
    detail = f"{what} since {_text(stop.since)}, by {stop.by}: {stop.reason}"
    return Reason(code=code, detail=detail, fix=f"Let it go on: {call}.", facts={"by": stop.by, "reason": stop.reason})


def _text(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat(timespec="seconds").replace("+00:00", "Z")
