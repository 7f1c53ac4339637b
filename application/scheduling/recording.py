"""Decisions about fires, written up: ledger entries, tasks and events, with the ids they need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from application.shared.ids import Ids
from domain.scheduling.dependency import LONGEST_WAIT
from domain.scheduling.events import OccurrenceDecided, TaskCreated
from domain.scheduling.firing import Firing, PlannedFire
from domain.scheduling.ids import LaneId, OccurrenceId, RunId, TaskId
from domain.scheduling.limits import NO_KEYS, TaskKeys
from domain.scheduling.occurrence import Decision, Occurrence, schedule_fire_key
from domain.scheduling.overlap import Verdict
from domain.scheduling.ports.schedule_queue import Fired
from domain.scheduling.schedule import Schedule, Tail
from domain.scheduling.task import NewTask, Origin
from domain.scheduling.task_status import Gate
from domain.shared.events import DomainEvent
from domain.shared.json_value import JsonText


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenUp:
    """`fired` for the store, `events` for the outbox, and how many tasks came to stand in which lane."""

    fired: Fired
    events: Sequence[DomainEvent]
    lanes: dict[LaneId, int]


def write_up(firings: Sequence[Firing], ids: Ids, now: datetime) -> WrittenUp:
    """Give the decisions their ids and put them into sets."""
    occurrences: list[Occurrence] = []
    tasks: list[NewTask] = []
    schedules: list[Schedule] = []
    events: list[DomainEvent] = []
    lanes: dict[LaneId, int] = {}
    for firing in firings:
        schedule = firing.after
        for decision, fires in firing.runs:
            if decision.runs:
                key = _key(fires[0])
                task = _task(schedule, fires[0], key, ids, now)
                tasks.append(task)
                occurrence = _running(schedule, task, fires[0], key, ids)
                if schedule.policy.awaits_end and not schedule.exhausted:
                    schedule = replace(schedule, awaited=task.id)
                if schedule.tail is not None:
                    schedule = replace(schedule, tail=None)
                if task.gate is None:
                    lanes[schedule.lane] = lanes.get(schedule.lane, 0) + 1
                events.append(_created(task, now))
            else:
                occurrence = _not_fired(schedule, decision, fires, ids)
                schedule = replace(schedule, tail=Tail(occurrence_id=occurrence.id, decision=decision))
            occurrences.append(occurrence)
            events.append(_decided(occurrence, now))
        schedules.append(schedule)
    fired = Fired(occurrences=occurrences, tasks=tasks, schedules=schedules)
    return WrittenUp(fired=fired, events=events, lanes=lanes)


def _key(fire: PlannedFire) -> str:
    return schedule_fire_key(fire.nominal) if fire.cause is None else fire.cause.fire_key


def _task(schedule: Schedule, fire: PlannedFire, key: str, ids: Ids, now: datetime) -> NewTask:
    id_, cause = ids.new(), fire.cause
    gate, wait_until = _gate(schedule, fire, now)
    return NewTask(
        id=TaskId(id_),
        job_id=schedule.job_id,
        job_version=schedule.job_version,
        run_id=RunId(id_) if cause is None or cause.run_id is None else cause.run_id,
        origin=Origin.SCHEDULE if cause is None else cause.origin,
        fire_key=key,
        nominal_at=fire.nominal,
        scheduled_time=fire.planned,
        gate=gate,
        parameters=None if cause is None else cause.parameters,
        keys=NO_KEYS if cause is None else cause.keys,
        wait_until=wait_until,
    )


def _gate(schedule: Schedule, fire: PlannedFire, now: datetime) -> tuple[Gate | None, datetime | None]:
    """What the task waits for first, and until when at most."""
    cause, policy = fire.cause, schedule.policy
    if cause is not None and cause.run_id is not None:
        return (Gate.DEPENDENCY, cause.wait_until) if cause.waits else (None, None)
    if policy.waits:
        begin = max(fire.planned, now)
        longest = begin + (LONGEST_WAIT if policy.wait_timeout is None else policy.wait_timeout)
        following = [n for n in schedule.upcoming[:1] if n > now and policy.wait_timeout is None]
        return Gate.DEPENDENCY, min([longest, *following])
    # Only of one that no clock has planned: it came just now.
    return (Gate.TIME if fire.planned > now else None), None


def _running(schedule: Schedule, task: NewTask, fire: PlannedFire, key: str, ids: Ids) -> Occurrence:
    return Occurrence(
        id=OccurrenceId(ids.new()),
        job_id=schedule.job_id,
        fire_key=key,
        decision=fire.decision,
        first_nominal=fire.nominal,
        last_nominal=fire.nominal,
        planned_at=fire.planned,
        count=1,
        reason=fire.reason,
        task_id=task.id,
        job_version=schedule.job_version,
    )


def _not_fired(schedule: Schedule, decision: Decision, fires: Sequence[PlannedFire], ids: Ids) -> Occurrence:
    first, last, tail = fires[0], fires[-1], schedule.tail
    continues = tail is not None and tail.decision is decision
    return Occurrence(
        id=tail.occurrence_id if tail is not None and continues else OccurrenceId(ids.new()),
        job_id=schedule.job_id,
        fire_key=_key(first),
        decision=decision,
        first_nominal=first.nominal,
        last_nominal=last.last or last.nominal,
        planned_at=last.planned,
        count=sum(fire.count for fire in fires),
        reason=last.reason,
        task_id=None,
        job_version=schedule.job_version,
        extends=tail.occurrence_id if tail is not None and continues else None,
    )


def _created(task: NewTask, now: datetime) -> TaskCreated:
    return TaskCreated(occurred_at=now, task_id=task.id, job_id=task.job_id, scheduled_time=task.scheduled_time)


def _decided(occurrence: Occurrence, now: datetime) -> OccurrenceDecided:
    return OccurrenceDecided(
        occurred_at=now,
        job_id=occurrence.job_id,
        fire_key=occurrence.fire_key,
        nominal_at=occurrence.last_nominal,
        decision=occurrence.decision,
        count=occurrence.count,
        task_id=occurrence.task_id,
        reason=occurrence.reason,
    )


def write_up_manual(
    schedule: Schedule,
    fire_key: str,
    task_id: TaskId,
    verdict: Verdict,
    parameters: JsonText | None,
    ids: Ids,
    now: datetime,
    keys: TaskKeys = NO_KEYS,
) -> WrittenUp:
    """A run that somebody asked for at `now`: with `task_id`, unless the verdict is that it does not run.

    The schedule stays as it is.
    """
    tasks = []
    if verdict.decision.runs:
        tasks.append(
            NewTask(
                id=task_id,
                job_id=schedule.job_id,
                job_version=schedule.job_version,
                run_id=RunId(task_id),
                origin=Origin.MANUAL,
                fire_key=fire_key,
                nominal_at=None,
                scheduled_time=now,
                gate=None,
                parameters=parameters,
                keys=keys,
            )
        )
    occurrence = Occurrence(
        id=OccurrenceId(ids.new()),
        job_id=schedule.job_id,
        fire_key=fire_key,
        decision=verdict.decision,
        first_nominal=now,
        last_nominal=now,
        planned_at=now,
        count=1,
        reason=verdict.reason,
        task_id=task_id if tasks else None,
        job_version=schedule.job_version,
    )
    events: list[DomainEvent] = [_created(task, now) for task in tasks]
    return WrittenUp(
        fired=Fired(occurrences=[occurrence], tasks=tasks, schedules=[replace(schedule, tail=None)]),
        events=[*events, _decided(occurrence, now)],
        lanes={schedule.lane: len(tasks)},
    )
