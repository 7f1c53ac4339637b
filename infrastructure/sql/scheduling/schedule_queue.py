"""Schedules in SQL: due ones taken with their locks, decisions written as sets."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import sqlalchemy as sa

from application.scheduling.job_document import cached_document
from application.scheduling.job_mapping import encode_policy
from application.scheduling.trigger_document import trigger_of
from domain.scheduling.errors import AlreadyFired, JobNotFound
from domain.scheduling.ids import JobId, TaskId
from domain.scheduling.occurrence import Decision
from domain.scheduling.policies import FiringPolicy, OverlapPolicy
from domain.scheduling.ports.schedule_queue import Fired, ScheduleQueue
from domain.scheduling.schedule import Schedule
from domain.scheduling.task_status import Gate
from domain.timing.trigger import Trigger
from infrastructure.sql.errors import violated
from infrastructure.sql.insert import insert
from infrastructure.sql.scheduling import fired as writing
from infrastructure.sql.scheduling.buffered import BUFFERED, END_WAIT, WAITING
from infrastructure.sql.scheduling.in_the_way import counted
from infrastructure.sql.scheduling.judging import BEGIN_TO_WAIT, IDS
from infrastructure.sql.scheduling.schedule_rows import COLUMNS, schedule_of, skips_text, times_text
from infrastructure.sql.scheduling.schedule_statements import (
    JOBS,
    KNOWN_TIMES,
    LONG_AGO,
    REFILL,
    SPECS,
    STEPS,
    TAKE_DUE,
)
from infrastructure.sql.scheduling.tables import jobs, schedules
from infrastructure.sql.schema import metadata
from infrastructure.sql.types import Instant
from infrastructure.sql.unit_of_work import SqlUnitOfWork

log = logging.getLogger(__name__)

UNREADABLE_RETRY = timedelta(minutes=1)
"""When a row that this version cannot read is looked at again."""

_s = schedules.c


class SqlScheduleQueue(ScheduleQueue):
    """`tzdata_version` is written into the ledger with every decision."""

    def __init__(self, work: SqlUnitOfWork, tzdata_version: str) -> None:
        self._work, self._tzdata_version = work, tzdata_version

    async def take_due(self, now: datetime, limit: int, since: datetime | None = None) -> Sequence[Schedule]:
        step = next(step for step in STEPS if step <= limit)
        taken = []
        for row in await self._work.fetch(TAKE_DUE[step], b_now=now, b_since=since or LONG_AGO):
            try:
                taken.append(schedule_of(row))
            except Exception as error:
                log.exception("schedule of job %s cannot be read; set aside for %s", row[0], UNREADABLE_RETRY)
                await self.set_aside(JobId(row[0]), f"{type(error).__name__}: {error}", now + UNREADABLE_RETRY)
        return await counted(self._work, taken, [s for s in taken if _minds(s.policy)])

    async def take(self, job_id: JobId) -> Schedule:
        query = sa.select(*COLUMNS).where(_s.job_id == job_id).with_for_update()
        row = (await self._work.execute(query)).one_or_none()
        if row is None:
            raise JobNotFound(job_id)
        schedule = schedule_of(row)
        return (await counted(self._work, [schedule], [schedule]))[0]

    def _those(self, job_ids: Sequence[JobId]) -> dict[str, object]:
        return JOBS.bind(self._work.dialect, [(job_id,) for job_id in job_ids])

    async def triggers(self, job_ids: Sequence[JobId]) -> Mapping[JobId, Trigger]:
        found: dict[JobId, Trigger] = {}
        for job_id, spec in await self._work.fetch(SPECS, **self._those(job_ids)):
            try:
                found[JobId(job_id)] = trigger_of(cached_document(spec).trigger)
            except Exception:
                log.exception("the trigger of job %s cannot be read", job_id)
        return found

    async def record(self, fired: Fired) -> None:
        dialect = self._work.dialect
        parameters = writing.parameters(dialect, fired, self._work.now, self._tzdata_version)
        try:
            if dialect == "postgresql":
                created = await self._work.fetch(writing.RECORD, **parameters)
            else:
                await self._work.fetch(writing.RECORD_OCCURRENCES, **parameters)
                created = await self._work.fetch(writing.CREATE_TASKS, **parameters)
                await self._work.fetch(writing.UPDATE_SCHEDULES, **parameters)
        except (sa.exc.IntegrityError, asyncpg.UniqueViolationError) as error:
            if violated(error, metadata) == "uq_occurrences_fired":
                raise AlreadyFired(_keys(fired)) from None
            raise
        if waiting := [(task.id,) for task in fired.tasks if task.gate is Gate.DEPENDENCY]:
            await self._work.fetch(BEGIN_TO_WAIT, **IDS.bind(dialect, waiting))
        if len(created) < len(fired.tasks):
            known = {task_id for (task_id,) in created}
            raise JobNotFound(next(task.job_id for task in fired.tasks if task.id not in known))

    async def put(self, schedule: Schedule) -> None:
        tail = schedule.tail
        state: dict[str, Any] = {
            "job_version": schedule.job_version,
            "lane": schedule.lane,
            "policy": encode_policy(schedule.policy),
            "due_at": schedule.due_at,
            "upcoming": times_text(schedule),
            "skips": skips_text(schedule.skips),
            "active": schedule.active,
            "exhausted": schedule.exhausted,
            "last_nominal": schedule.state.last_nominal,
            "last_end": schedule.state.last_end,
            "fired_count": schedule.state.fired_count,
            "since": schedule.state.since,
            "awaited_task": schedule.awaited,
            "tail_id": tail.occurrence_id if tail else None,
            "tail_decision": tail.decision if tail else None,
            "changes_at": schedule.changes_at,
            "health_error": None,
            "failures": 0,
        }
        tenant = sa.select(jobs.c.tenant).where(jobs.c.id == schedule.job_id).scalar_subquery()
        new = insert(self._work.dialect, schedules).values(job_id=schedule.job_id, tenant=tenant, **state)
        await self._work.execute(new.on_conflict_do_update(index_elements=[_s.job_id], set_=state))

    async def keep_skips(self, schedule: Schedule) -> None:
        skips = skips_text(schedule.skips)
        await self._work.execute(sa.update(schedules).where(_s.job_id == schedule.job_id).values(skips=skips))

    async def set_aside(self, job_id: JobId, error: str, retry_at: datetime) -> None:
        comes_sooner = sa.and_(_s.due_at > self._work.now, _s.due_at < retry_at)  # not the fire that failed
        due_at = sa.case((comes_sooner, _s.due_at), else_=sa.literal(retry_at, Instant))
        ill = {"health_error": error, "failures": _s.failures + 1, "due_at": due_at}
        await self._work.execute(sa.update(schedules).where(_s.job_id == job_id).values(ill))

    async def refill(self, schedules: Sequence[Schedule]) -> None:
        rows = [
            (s.job_id, s.job_version, s.state.last_nominal, s.changes_at, s.due_at, times_text(s), s.exhausted)
            for s in sorted(schedules, key=lambda s: s.job_id)  # an event may be locking several of them, too
        ]
        if rows:
            await self._work.fetch(REFILL, **KNOWN_TIMES.bind(self._work.dialect, rows))

    async def supersede(
        self, task_ids: Sequence[TaskId], reason: str, decision: Decision = Decision.SUPERSEDED
    ) -> None:
        if task_ids:
            given = BUFFERED.bind(self._work.dialect, [(id_,) for id_ in task_ids])
            await self._work.fetch(END_WAIT, b_decision=decision, b_reason=reason, **given)

    async def waiting(self, job_id: JobId) -> Sequence[TaskId]:
        return [TaskId(id_) for (id_,) in await self._work.fetch(WAITING, **self._those([job_id]))]

    async def next_due(self) -> datetime | None:
        query = sa.select(_s.due_at).where(_s.due_at.is_not(None)).order_by(_s.due_at, _s.job_id).limit(1)
        due_at: datetime | None = (await self._work.execute(query)).scalar_one_or_none()
        return due_at


def _minds(policy: FiringPolicy) -> bool:
    """Whether it has to be known what is in the way: where runs may overlap nothing is, except of a limit."""
    return policy.overlap is not OverlapPolicy.ALLOW or policy.max_executions is not None


def _keys(fired: Fired) -> str:
    """What may be said of a batch; SQLite does not tell which of them it was, a batch of one does."""
    keys = [o.fire_key for o in fired.occurrences if o.decision.runs]
    return keys[0] if len(keys) == 1 else f"{keys[0]} or another of {len(keys)}"
