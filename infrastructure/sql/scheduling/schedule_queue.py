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
from domain.scheduling.ids import JobId
from domain.scheduling.occurrence import Decision
from domain.scheduling.policies import OverlapPolicy
from domain.scheduling.ports.schedule_queue import Fired, ScheduleQueue
from domain.scheduling.schedule import Schedule
from domain.scheduling.task import Origin
from domain.scheduling.task_status import COUNTS_FOR_OVERLAP
from domain.timing.trigger import Trigger
from infrastructure.sql.engine import DialectName
from infrastructure.sql.errors import violated
from infrastructure.sql.insert import insert
from infrastructure.sql.relation import Relation, Statement, words
from infrastructure.sql.scheduling import fired as writing
from infrastructure.sql.scheduling.schedule_rows import COLUMNS, schedule_of, upcoming_text, with_live
from infrastructure.sql.scheduling.tables import jobs, metadata, schedules, tasks
from infrastructure.sql.types import Instant, JsonText
from infrastructure.sql.unit_of_work import SqlUnitOfWork

log = logging.getLogger(__name__)

UNREADABLE_RETRY = timedelta(minutes=1)
"""When a row that this version cannot read is looked at again."""

_STEPS = (1000, 500, 250, 100, 50, 25, 10, 5, 2, 1)
_s, _t = schedules.c, tasks.c


def _take_due(limit: int) -> Statement:
    due = sa.select(*COLUMNS).where(_s.due_at.is_not(None), _s.due_at <= sa.bindparam("b_now", type_=Instant))
    oldest = due.order_by(_s.due_at, _s.job_id).limit(sa.literal_column(str(limit)))
    return Statement(lambda _: oldest.with_for_update(skip_locked=True))


TAKE_DUE = {limit: _take_due(limit) for limit in _STEPS}
"""A text for each limit: the planner of the database would plan for a tenth of the table if it did not know it."""

_JOBS = Relation("r", job_id=sa.Uuid)


def _count_live(dialect: DialectName) -> sa.Select[Any]:
    of = _JOBS.source(dialect)
    unfinished = sa.or_(_t.status.in_(words(COUNTS_FOR_OVERLAP)), _t.stopping_until.is_not(None))
    theirs = (_t.job_id == of.c.job_id, _t.origin.not_in(words([Origin.DIRECT])), unfinished)
    count = sa.select(sa.func.count()).select_from(tasks).where(*theirs).correlate(of).scalar_subquery()
    return sa.select(of.c.job_id, count)


COUNT_LIVE = Statement(_count_live)

_KNOWN_TIMES = Relation(
    "r",
    job_id=sa.Uuid,
    job_version=sa.Integer,
    last_nominal=Instant,
    due_at=Instant,
    upcoming=JsonText,
    exhausted=sa.Boolean,
)


def _refill(dialect: DialectName) -> sa.Update:
    r = _KNOWN_TIMES.source(dialect)
    present, refilled = sa.cast(_s.upcoming, sa.Text), sa.cast(r.c.upcoming, sa.Text)
    open_list = sa.func.length(present) - sa.literal_column("1")  # without its closing bracket
    continues = sa.func.substr(refilled, 1, open_list) == sa.func.substr(present, 1, open_list)
    unchanged = (
        _s.job_version == r.c.job_version,
        _s.last_nominal.is_not_distinct_from(r.c.last_nominal),
        _s.active,
        _s.health_error.is_(None),
        continues,
    )
    known = {"upcoming": r.c.upcoming, "due_at": r.c.due_at, "exhausted": r.c.exhausted}
    return sa.update(schedules).where(_s.job_id == r.c.job_id, *unchanged).values(known)


REFILL = Statement(_refill)


class SqlScheduleQueue(ScheduleQueue):
    """`tzdata_version` is written into the ledger with every decision."""

    def __init__(self, work: SqlUnitOfWork, tzdata_version: str) -> None:
        self._work, self._tzdata_version = work, tzdata_version

    async def take_due(self, now: datetime, limit: int) -> Sequence[Schedule]:
        step = next(step for step in _STEPS if step <= limit)
        taken = []
        for row in await self._work.fetch(TAKE_DUE[step], b_now=now):
            try:
                taken.append(schedule_of(row))
            except Exception as error:
                log.exception("schedule of job %s cannot be read; set aside for %s", row[0], UNREADABLE_RETRY)
                await self.set_aside(JobId(row[0]), f"{type(error).__name__}: {error}", now + UNREADABLE_RETRY)
        minding = [s.job_id for s in taken if s.policy.overlap is not OverlapPolicy.ALLOW]
        live = await self._live(minding)
        return [with_live(s, live.get(s.job_id, 0)) for s in taken]

    async def take(self, job_id: JobId) -> Schedule:
        query = sa.select(*COLUMNS).where(_s.job_id == job_id).with_for_update()
        row = (await self._work.execute(query)).one_or_none()
        if row is None:
            raise JobNotFound(job_id)
        return with_live(schedule_of(row), (await self._live([job_id]))[job_id])

    async def _live(self, job_ids: Sequence[JobId]) -> Mapping[JobId, int]:
        """A statement of its own, after the locks: what others have committed until then has to be seen."""
        if not job_ids:
            return {}
        rows = await self._work.fetch(COUNT_LIVE, **_JOBS.bind(self._work.dialect, [(j,) for j in job_ids]))
        return {JobId(job_id): live for job_id, live in rows}

    async def triggers(self, job_ids: Sequence[JobId]) -> Mapping[JobId, Trigger]:
        rows = await self._work.execute(sa.select(jobs.c.id, jobs.c.spec).where(jobs.c.id.in_(job_ids)))
        found: dict[JobId, Trigger] = {}
        for row in rows:
            try:
                found[JobId(row.id)] = trigger_of(cached_document(row.spec).trigger)
            except Exception:
                log.exception("the trigger of job %s cannot be read", row.id)
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
            "upcoming": upcoming_text(schedule.upcoming),
            "active": schedule.active,
            "exhausted": schedule.exhausted,
            "last_nominal": schedule.state.last_nominal,
            "last_end": schedule.state.last_end,
            "fired_count": schedule.state.fired_count,
            "tail_id": tail.occurrence_id if tail else None,
            "tail_decision": tail.decision if tail else None,
            "health_error": None,
            "failures": 0,
        }
        tenant = sa.select(jobs.c.tenant).where(jobs.c.id == schedule.job_id).scalar_subquery()
        new = insert(self._work.dialect, schedules).values(job_id=schedule.job_id, tenant=tenant, **state)
        await self._work.execute(new.on_conflict_do_update(index_elements=[_s.job_id], set_=state))

    async def set_aside(self, job_id: JobId, error: str, retry_at: datetime) -> None:
        ill = {"health_error": error, "failures": _s.failures + 1, "due_at": retry_at}
        await self._work.execute(sa.update(schedules).where(_s.job_id == job_id).values(ill))

    async def refill(self, schedules: Sequence[Schedule]) -> None:
        rows = [
            (s.job_id, s.job_version, s.state.last_nominal, s.due_at, upcoming_text(s.upcoming), s.exhausted)
            for s in schedules
        ]
        if rows:
            await self._work.fetch(REFILL, **_KNOWN_TIMES.bind(self._work.dialect, rows))

    async def next_due(self) -> datetime | None:
        query = sa.select(_s.due_at).where(_s.due_at.is_not(None)).order_by(_s.due_at, _s.job_id).limit(1)
        due_at: datetime | None = (await self._work.execute(query)).scalar_one_or_none()
        return due_at


def _keys(fired: Fired) -> str:
    """What may be said of a batch; SQLite does not tell which of them it was, a batch of one does."""
    keys = [o.fire_key for o in fired.occurrences if o.decision is Decision.FIRED]
    return keys[0] if len(keys) == 1 else f"{keys[0]} or another of {len(keys)}"
