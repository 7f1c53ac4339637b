"""Judgements in SQL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from domain.scheduling.ids import JobId, LaneId, RunId, TaskId
from domain.scheduling.ports.judgement_queue import (
    Conclusion,
    Judgement,
    JudgementQueue,
    LeftOut,
    Waiting,
)
from domain.scheduling.priority import Priority, rank
from domain.scheduling.task_status import TaskStatus
from domain.shared.ids import TenantId
from domain.shared.json_value import JsonText
from infrastructure.sql.engine import DialectName
from infrastructure.sql.relation import Relation, Row, Statement
from infrastructure.sql.scheduling.concluding import complete_workflows, conclude, is_dependent
from infrastructure.sql.scheduling.dependency_tables import judgements
from infrastructure.sql.scheduling.schedule_statements import JOBS
from infrastructure.sql.scheduling.scripts import moment, run_in
from infrastructure.sql.scheduling.tables import jobs
from infrastructure.sql.scheduling.task_changes import (
    NOTHING,
    after,
    has_upstream_places,
    limit_gate,
    number,
    ranked,
    t,
    word,
)
from infrastructure.sql.scheduling.task_tables import tasks
from infrastructure.sql.scheduling.waiting_again import left_out, wait_again
from infrastructure.sql.types import Instant
from infrastructure.sql.types import JsonText as JsonColumn
from infrastructure.sql.unit_of_work import SqlUnitOfWork

_jm = judgements.c
_LIMIT: Final = sa.bindparam("b_limit", type_=sa.Integer)
_RELEASED: Final = Relation("r", id=sa.Uuid, parameters=JsonColumn)


class SqlJudgementQueue(JudgementQueue):
    """Part of a unit of work."""

    def __init__(self, work: SqlUnitOfWork) -> None:
        self._work = work
        self._dialect = work.dialect

    async def take(self, limit: int) -> Sequence[Judgement]:
        rows = await self._work.fetch(TAKE, b_limit=limit)
        told = (Judgement(tenant=TenantId(n), job_id=JobId(job), run_id=RunId(run)) for _, n, job, run in sorted(rows))
        return list(dict.fromkeys(told))

    async def ask_again(self, job_id: JobId) -> None:
        await self._work.fetch(ASK_AGAIN, b_job=job_id)

    async def overdue(self, now: datetime, limit: int) -> Sequence[Waiting]:
        return _waiting(await self._work.fetch(OVERDUE, b_over=now, b_limit=limit))

    async def waiting(self, job_ids: Collection[JobId]) -> Sequence[Waiting]:
        of = JOBS.bind(self._dialect, [(job_id,) for job_id in job_ids])
        return _waiting(await self._work.fetch(WAITING, **of))

    async def next_timeout(self) -> datetime | None:
        ((instant,),) = await self._work.fetch(NEXT_TIMEOUT)
        return None if instant is None else instant

    async def release(self, tasks: Mapping[TaskId, JsonText | None]) -> Mapping[LaneId, int]:
        if not tasks:
            return {}
        lowest = rank(self._work.now, Priority(1))
        given = _RELEASED.bind(self._dialect, sorted(tasks.items()))
        rows = await self._work.fetch(RELEASE, b_now=self._work.now, b_lowest=lowest, **given)
        return Counter(LaneId(lane) for lane, gate in rows if gate is None)

    async def conclude(self, conclusions: Sequence[Conclusion]) -> None:
        if conclusions:
            await run_in(self._work, conclude(self._dialect, self._work.now, conclusions))

    async def left_out(self, cause: TaskId) -> Sequence[LeftOut]:
        return await left_out(self._work, cause)

    async def wait_again(self, tasks: Mapping[TaskId, datetime], reason: str | None) -> Sequence[TaskId]:
        return await wait_again(self._work, tasks, reason)

    async def complete_workflows(self, limit: int) -> Sequence[TaskId]:
        return await run_in(self._work, complete_workflows(self._dialect, self._work.now, limit))


def _waiting(rows: Iterable[Row]) -> list[Waiting]:
    return [
        Waiting(
            task_id=TaskId(id_),
            tenant=TenantId(tenant),
            job_id=JobId(job_id),
            run_id=RunId(run_id),
            nominal=nominal,
            wait_until=wait_until,
            parameters=None if parameters is None else JsonText(parameters),
        )
        for id_, tenant, job_id, run_id, nominal, wait_until, parameters in rows
    ]


def _take(dialect: DialectName) -> sa.Executable:
    """PostgreSQL is told their places: a plan made while there were none would look for the oldest for each of them."""
    place: sa.ColumnElement[Any] = sa.literal_column("judgements.ctid") if dialect == "postgresql" else _jm.id
    oldest = sa.select(place).select_from(judgements).order_by(_jm.id).limit(_LIMIT).with_for_update(skip_locked=True)
    these = sa.any_(sa.func.array(oldest.scalar_subquery())) if dialect == "postgresql" else None
    found = _jm.id.in_(oldest) if these is None else place == these
    return sa.delete(judgements).where(found).returning(_jm.id, _jm.tenant, _jm.job_id, _jm.run_id)


def _dependent_tasks() -> sa.Select[Any]:
    nominal = sa.func.coalesce(t.nominal_at, t.scheduled_time, type_=Instant)
    parameters = sa.case((has_upstream_places(t.parameters), t.parameters))
    return sa.select(t.id, t.tenant, t.job_id, t.run_id, nominal, t.wait_until, parameters).where(is_dependent())


def _ask_again() -> sa.Executable:
    waiting: sa.Select[Any] = sa.select(t.tenant, t.job_id, t.run_id)
    waiting = waiting.where(t.job_id == sa.bindparam("b_job", type_=sa.Uuid), is_dependent())
    return sa.insert(judgements).from_select(["tenant", "job_id", "run_id"], waiting).returning(_jm.id)


def _overdue() -> sa.Executable:
    over = t.wait_until <= sa.bindparam("b_over", type_=Instant)
    found = _dependent_tasks().where(t.wait_until.is_not(None), over)
    return found.order_by(t.wait_until, t.id).limit(_LIMIT)


def _waiting_of(dialect: DialectName) -> sa.Executable:
    of = JOBS.source(dialect)
    found = _dependent_tasks().where(t.job_id.in_(sa.select(of.c.job_id))).order_by(t.id)
    return found.with_for_update(skip_locked=True, of=tasks)


def _release(dialect: DialectName) -> sa.Executable:
    r, now = _RELEASED.source(dialect), moment(dialect)
    patience = sa.select(jobs.c.queue_timeout_s).where(jobs.c.id == t.job_id).scalar_subquery()
    least = sa.func.least if dialect == "postgresql" else sa.func.min
    in_queue = after(dialect, now, patience)
    ends = least(sa.func.coalesce(in_queue, t.total_deadline_at), sa.func.coalesce(t.total_deadline_at, in_queue))
    released = {
        "status": word(TaskStatus.PENDING),
        "gate": limit_gate(dict(t)),
        "ready_at": now,
        "rank": ranked(sa.bindparam("b_lowest", type_=sa.BigInteger), t.priority),
        "expires_at": ends,
        "wait_until": NOTHING,
        "parameters": sa.func.coalesce(r.c.parameters, t.parameters, type_=JsonColumn),
        "version": t.version + number(1),
    }
    return sa.update(tasks).where(t.id == r.c.id, is_dependent()).values(released).returning(t.lane, t.gate)


ASK_AGAIN: Final = Statement(lambda _: _ask_again())
TAKE: Final = Statement(_take)
OVERDUE: Final = Statement(lambda _: _overdue())
WAITING: Final = Statement(_waiting_of)
NEXT_TIMEOUT: Final = Statement(
    lambda _: sa.select(sa.func.min(t.wait_until, type_=Instant)).where(is_dependent(), t.wait_until.is_not(None))
)
RELEASE: Final = Statement(_release)
