"""Tasks that come back from history, because an operator retries them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from domain.scheduling.dead_letter import DEAD, Reopened, Reopening
from domain.scheduling.errors import StaleVersion, UniqueKeyTaken
from domain.scheduling.ids import JobId, LaneId, TaskId
from domain.scheduling.priority import Priority, rank
from domain.scheduling.task import TaskInstance
from domain.scheduling.task_status import Gate, TaskStatus
from infrastructure.sql.engine import DialectName
from infrastructure.sql.errors import violated
from infrastructure.sql.insert import insert
from infrastructure.sql.relation import Relation, Statement, words
from infrastructure.sql.scheduling.tables import jobs
from infrastructure.sql.scheduling.task_changes import LEASE, after, attempt_record, limit_gate, number, ranked, word
from infrastructure.sql.scheduling.task_tables import TASK_COLUMNS, task_attempts, task_history, tasks
from infrastructure.sql.schema import metadata
from infrastructure.sql.types import Instant
from infrastructure.sql.unit_of_work import SqlUnitOfWork

_LOWEST: Final = Priority(1)
_PROGRESS = ("progress", "progress_message")
_BEGUN_ANEW = (*LEASE, *_PROGRESS, "total_deadline_at", "ended_at", "result", "error", "stopping_until", "cause_id")

h = task_history.c


async def reopen(work: SqlUnitOfWork, task: TaskInstance) -> None:
    """Move the row back, ready now; its last attempt gets a row of its own, like every one that another follows.

    Its job's queue timeout counts anew; the task as a whole has no deadline any more.
    Raises `StaleVersion`, and `UniqueKeyTaken` if a task that was created meanwhile has its key.
    """
    this = sa.and_(h.id == task.id, h.version == task.version)
    now = sa.literal(work.now, h.ready_at.type)
    lowest = sa.literal(rank(work.now, _LOWEST), sa.BigInteger)
    reason = sa.literal(task.status_reason, sa.Text)
    row = _alive_again(work.dialect, now, lowest, reason) | {"status": sa.literal(task.status.value)}
    try:
        await work.execute(sa.insert(tasks).from_select(list(row), sa.select(*row.values()).where(this)))
    except sa.exc.IntegrityError as error:
        if violated(error, metadata) == "uq_tasks_unique_key":
            raise UniqueKeyTaken(None) from None
        raise StaleVersion(f"Task {task.id}") from None  # somebody else has just done the same
    await work.execute(_tried(work.dialect, this))
    removed = await work.execute(sa.delete(task_history).where(this))
    if removed.rowcount != 1:
        raise StaleVersion(f"Task {task.id}")
    work.release(task)


async def reopen_all(work: SqlUnitOfWork, reopenings: Sequence[Reopening], reason: str | None) -> Sequence[Reopened]:
    """The same for many that are dead; those that cannot come back stay in history. Raises `StaleVersion`."""
    if not reopenings:
        return ()
    ordered = sorted(reopenings, key=lambda each: each.task_id)
    rows = [(r.task_id, r.ready_at, rank(r.ready_at, _LOWEST), r.gate) for r in ordered]
    back = await work.fetch(_REOPEN, b_reason=reason, **_REOPENINGS.bind(work.dialect, rows))
    if back:
        moved = _MOVED.bind(work.dialect, sorted((row[0], row[-1] - 1) for row in back))
        await work.fetch(_TRIED, **moved)
        removed = await work.fetch(_REMOVE, **moved)
        if len(removed) != len(back):
            raise StaleVersion("One of the tasks")
    return [
        Reopened(
            task_id=TaskId(id_),
            job_id=JobId(job_id),
            job_name=job_name,
            attempt=attempt,
            lane=LaneId(lane),
            gate=None if gate is None else Gate(gate),
        )
        for id_, job_id, job_name, attempt, lane, gate, _ in back
    ]


def _alive_again(
    dialect: DialectName, ready_at: sa.ColumnElement[datetime], lowest: sa.ColumnElement[int], reason: Any
) -> dict[str, Any]:
    """All columns of a live task that comes from history, PENDING from `ready_at`."""
    patience = sa.select(jobs.c.queue_timeout_s).where(jobs.c.id == h.job_id).scalar_subquery()
    changes: dict[str, Any] = {
        **{name: sa.cast(sa.null(), h[name].type) for name in _BEGUN_ANEW},
        "status": word(TaskStatus.PENDING),
        "status_reason": reason,
        "ready_at": ready_at,
        "expires_at": sa.case((limit_gate(dict(h)).is_(None), after(dialect, ready_at, patience))),
        "rank": ranked(lowest, h.priority),
        "absences": sa.literal_column("0", sa.SmallInteger),
        "version": h.version + number(1),
    }
    return {name: h[name] for name in TASK_COLUMNS} | changes | {"gate": limit_gate(dict(h))}


def _tried(dialect: DialectName, *which: sa.ColumnElement[bool]) -> sa.Executable:
    ended = attempt_record(dict(h), {"ending": h.status, "error": h.error}, h.ended_at)
    tried = sa.select(*ended.values()).where(*which, h.attempt > number(0))
    return insert(dialect, task_attempts).from_select(list(ended), tried).on_conflict_do_nothing()


_REOPENINGS: Final = Relation("r", id=sa.Uuid, ready_at=Instant, lowest_rank=sa.BigInteger, gate=sa.Text)
_MOVED: Final = Relation("m", id=sa.Uuid, version=sa.Integer)


def _reopen(dialect: DialectName) -> sa.Executable:
    r = _REOPENINGS.source(dialect)
    reason = sa.bindparam("b_reason", type_=sa.Text)
    row = _alive_again(dialect, r.c.ready_at, r.c.lowest_rank, sa.cast(reason, sa.Text))
    row["gate"] = sa.func.coalesce(r.c.gate, row["gate"])
    dead = sa.select(*row.values()).join_from(r, task_history, h.id == r.c.id).where(h.status.in_(words(DEAD)))
    statement = insert(dialect, tasks).from_select(list(row), dead).on_conflict_do_nothing()
    t = tasks.c
    return statement.returning(t.id, t.job_id, t.job_name, t.attempt, t.lane, t.gate, t.version)


def _moved(dialect: DialectName) -> sa.ColumnElement[bool]:
    m = _MOVED.source(dialect)
    return sa.tuple_(h.id, h.version).in_(sa.select(m.c.id, m.c.version))


_REOPEN: Final = Statement(_reopen)
_TRIED: Final = Statement(lambda dialect: _tried(dialect, _moved(dialect)))
_REMOVE: Final = Statement(lambda dialect: sa.delete(task_history).where(_moved(dialect)).returning(h.id))
