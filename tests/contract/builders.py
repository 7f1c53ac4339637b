"""Things to put into a store, valid unless a test says otherwise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from domain.scheduling.ids import JobId, OccurrenceId, RunId, TaskId
from domain.scheduling.job import Job, JobDefinition
from domain.scheduling.occurrence import Decision, Occurrence, schedule_fire_key
from domain.scheduling.policies import FiringPolicy
from domain.scheduling.ports.schedule_queue import Fired
from domain.scheduling.schedule import Schedule
from domain.scheduling.task import NewTask, Origin
from domain.shared.ids import DEFAULT_TENANT
from domain.timing.trigger import TriggerState
from infrastructure.ids import TimeOrderedIds
from infrastructure.sql.engine import Store
from infrastructure.sql.scheduling.work import SqlSchedulingWork

TZDATA = "2031a"
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)

_IDS = TimeOrderedIds()


def new_job(now: datetime, name: str = "backup", **definition: Any) -> Job:
    """A COMMAND job, CREATED; `definition` overrides its fields."""
    given: dict[str, Any] = {"name": name, "type": "COMMAND", "parameters": {"command": ["true"]}, **definition}
    return Job.create(JobId(_IDS.new()), DEFAULT_TENANT, JobDefinition(**given), "ann", now)


async def add_job(begin: Callable[[], SqlSchedulingWork], name: str = "backup", **definition: Any) -> Job:
    """A committed job without a schedule."""
    async with begin() as work:
        job = new_job(work.now, name, **definition)
        await work.jobs.save(job)
        await work.commit()
    return job


async def add_due(
    begin: Callable[[], SqlSchedulingWork],
    count: int,
    *,
    late: timedelta = MINUTE,
    policy: FiringPolicy | None = None,
    **definition: Any,
) -> list[Schedule]:
    """So many committed active jobs whose schedules are due since `late`, the first one the longest by a second.

    `definition` is the jobs' own; what their schedules obey is `policy`.
    """
    added = []
    async with begin() as work:
        for n in range(count):
            job = new_job(work.now, f"job-{n}", **definition)
            job.activate("ann", work.now)
            await work.jobs.save(job)
            first = work.now.replace(microsecond=0) - late + timedelta(seconds=n)
            schedule = Schedule(
                job_id=job.id,
                job_version=job.definition_version,
                lane=await work.lanes.number(job.lane),
                policy=policy or FiringPolicy(),
                state=TriggerState(),
                upcoming=tuple(first + HOUR * i for i in range(8)),
            )
            await work.schedules.put(schedule)
            added.append(schedule)
        await work.commit()
    return added


def fire(schedules: Sequence[Schedule]) -> Fired:
    """The first known time of each schedule fires."""
    occurrences, tasks, after = [], [], []
    for schedule in schedules:
        task = new_task(schedule, schedule.upcoming[0])
        tasks.append(task)
        occurrences.append(decided(schedule, Decision.FIRED, task_id=task.id))
        after.append(moved_on(schedule, fired=1))
    return Fired(occurrences=occurrences, tasks=tasks, schedules=after)


def new_task(schedule: Schedule, at: datetime, origin: Origin = Origin.SCHEDULE, **fields: Any) -> NewTask:
    """A task of the schedule's job, claimable at once."""
    id_ = _IDS.new()
    given: dict[str, Any] = {
        "id": TaskId(id_), "job_id": schedule.job_id, "job_version": schedule.job_version, "run_id": RunId(id_),
        "origin": origin, "fire_key": schedule_fire_key(at), "nominal_at": at, "scheduled_time": at, "gate": None,
    }  # fmt: skip
    return NewTask(**given | fields)


def decided(schedule: Schedule, decision: Decision, **fields: Any) -> Occurrence:
    """A ledger entry about the schedule's first known time."""
    nominal = schedule.upcoming[0]
    given: dict[str, Any] = {
        "id": OccurrenceId(_IDS.new()), "job_id": schedule.job_id, "fire_key": schedule_fire_key(nominal),
        "decision": decision, "first_nominal": nominal, "last_nominal": nominal, "planned_at": nominal, "count": 1,
        "reason": None, "task_id": None, "job_version": schedule.job_version,
    }  # fmt: skip
    return Occurrence(**given | fields)


def moved_on(schedule: Schedule, fired: int) -> Schedule:
    """The schedule after its first known time was decided."""
    state = replace(schedule.state, last_nominal=schedule.upcoming[0], fired_count=schedule.state.fired_count + fired)
    return replace(schedule, upcoming=schedule.upcoming[1:], state=state, live=0)


async def rows(store: Store, table: sa.Table, *where: sa.ColumnElement[bool]) -> Sequence[sa.Row[Any]]:
    """What is committed, in the order of the primary key."""
    query = sa.select(table).where(*where).order_by(*table.primary_key.columns)
    async with store.reader.connect() as connection:
        return (await connection.execute(query)).all()
