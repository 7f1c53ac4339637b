"""Fires whose turn has come: decided under the locks of their schedules, and counted there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa

from application.scheduling.job_mapping import decode_policy
from domain.scheduling.admission import Candidate, LimitKey
from domain.scheduling.job import JobStatus
from domain.scheduling.occurrence import is_asked_for
from infrastructure.sql.engine import DialectName
from infrastructure.sql.relation import Relation, Statement
from infrastructure.sql.scheduling.buffered import BUFFERED, FIRE, WAITING_AMONG
from infrastructure.sql.scheduling.schedule_statements import JOBS
from infrastructure.sql.scheduling.tables import jobs, schedules
from infrastructure.sql.unit_of_work import SqlUnitOfWork

_s, _j = schedules.c, jobs.c


async def in_turn(work: SqlUnitOfWork, candidates: Sequence[Candidate], own: Collection[LimitKey]) -> list[Candidate]:
    """Without those whose slot is among the `own` ones of jobs and whose schedule another one has locked.

    Who holds the lock may be ending what waits, or pausing the job: then this one comes too early. Nobody is waited
    for here, since he may be waiting for the tasks that were taken before.
    """
    ids = [(c.task_id,) for c in candidates if c.slot in own]
    waiting = await work.fetch(WAITING_AMONG, **BUFFERED.bind(work.dialect, ids)) if ids else ()
    if not waiting:
        return list(candidates)
    those = JOBS.bind(work.dialect, [(job_id,) for job_id in {job_id for _, job_id, _ in waiting}])
    locked: dict[UUID, bool] = dict(await work.fetch(_LOCK, **those))
    paused: set[UUID] = set()
    if not all(locked.values()):
        paused = {job_id for job_id, status in await work.fetch(_STATUS, **those) if status == JobStatus.PAUSED}
    busy = {task_id for task_id, job_id, _ in waiting if job_id not in locked}
    held = {task_id for task_id, job_id, key in waiting if job_id in paused and not is_asked_for(key)}
    passed_over = {c.slot for c in candidates if c.task_id in busy}
    return [
        replace(c, held=True) if c.task_id in held else c
        for c in candidates
        if c.slot is None or c.slot not in passed_over
    ]


async def begin(work: SqlUnitOfWork, tasks: Collection[UUID]) -> None:
    """The ledger has their fires as FIRED, and a limit on executions counts them; their schedules are locked."""
    fired = await work.fetch(FIRE, **BUFFERED.bind(work.dialect, [(id_,) for id_ in tasks]))
    counts = Counter(job_id for job_id, key in fired if not is_asked_for(key))
    if not counts:
        return
    rows = await work.fetch(_COUNT, **_COUNTS.bind(work.dialect, sorted(counts.items())))
    reached = [(job_id,) for job_id, count, policy in rows if _is_reached(count, decode_policy(policy).max_executions)]
    if reached:
        await work.fetch(_REST, **JOBS.bind(work.dialect, reached))


def _is_reached(count: int, limit: int | None) -> bool:
    return limit is not None and count >= limit


_COUNTS: Final = Relation("n", job_id=sa.Uuid, fired=sa.Integer)


def _among(dialect: DialectName, job_id: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    return job_id.in_(sa.select(JOBS.source(dialect).c.job_id))


def _lock(dialect: DialectName) -> sa.Executable:
    found = sa.select(_s.job_id, _s.active).where(_among(dialect, _s.job_id)).order_by(_s.job_id)
    return found.with_for_update(skip_locked=True)


def _status(dialect: DialectName) -> sa.Executable:
    return sa.select(_j.id, _j.status).where(_among(dialect, _j.id))


def _count(dialect: DialectName) -> sa.Executable:
    n = _COUNTS.source(dialect)
    more = sa.update(schedules).where(_s.job_id == n.c.job_id).values(fired_count=_s.fired_count + n.c.fired)
    return more.returning(_s.job_id, _s.fired_count, _s.policy)


def _rest(dialect: DialectName) -> sa.Executable:
    at_rest = {"exhausted": sa.true(), "upcoming": sa.literal_column("'[]'"), "due_at": sa.null()}
    return sa.update(schedules).where(_among(dialect, _s.job_id)).values(at_rest)


_LOCK: Final = Statement(_lock)
_STATUS: Final = Statement(_status)
_COUNT: Final = Statement(_count)
_REST: Final = Statement(_rest)
