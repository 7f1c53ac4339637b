"""Tasks that come back from history, because an operator retries them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from domain.scheduling.errors import StaleVersion, UniqueKeyTaken
from domain.scheduling.priority import Priority, rank
from domain.scheduling.task import TaskInstance
from infrastructure.sql.errors import violated
from infrastructure.sql.insert import insert
from infrastructure.sql.scheduling.tables import jobs
from infrastructure.sql.scheduling.task_changes import LEASE, after, attempt_record, ranked
from infrastructure.sql.scheduling.task_tables import TASK_COLUMNS, task_attempts, task_history, tasks
from infrastructure.sql.schema import metadata
from infrastructure.sql.unit_of_work import SqlUnitOfWork

_BEGUN_ANEW = (*LEASE, "gate", "total_deadline_at", "ended_at", "result", "error", "progress", "stopping_until")


async def reopen(work: SqlUnitOfWork, task: TaskInstance) -> None:
    """Move the row back, ready now; its last attempt gets a row of its own, like every one that another follows.

    Its job's queue timeout counts anew; the task as a whole has no deadline any more.
    Raises `StaleVersion`, and `UniqueKeyTaken` if a task that was created meanwhile has its key.
    """
    h = task_history.c
    this = sa.and_(h.id == task.id, h.version == task.version)
    lowest = sa.literal(rank(work.now, Priority(1)), sa.BigInteger)
    now = sa.literal(work.now, h.ready_at.type)
    patience = sa.select(jobs.c.queue_timeout_s).where(jobs.c.id == h.job_id).scalar_subquery()
    changes: dict[str, Any] = {
        **{name: sa.cast(sa.null(), h[name].type) for name in _BEGUN_ANEW},
        "status": sa.literal(task.status.value),
        "status_reason": sa.literal(task.status_reason, sa.Text),
        "ready_at": now,
        "expires_at": after(work.dialect, now, patience),
        "rank": ranked(lowest, h.priority),
        "absences": sa.literal(0, sa.SmallInteger),
        "version": sa.literal(task.version + 1, sa.Integer),
    }
    row = {name: h[name] for name in TASK_COLUMNS} | changes
    ended = attempt_record(dict(h), {"ending": h.status, "error": h.error}, h.ended_at)
    tried = sa.select(*ended.values()).where(this, h.attempt > 0)
    try:
        await work.execute(sa.insert(tasks).from_select(list(row), sa.select(*row.values()).where(this)))
    except sa.exc.IntegrityError as error:
        if violated(error, metadata) == "uq_tasks_unique_key":
            raise UniqueKeyTaken(None) from None
        raise StaleVersion(f"Task {task.id}") from None  # somebody else has just done the same
    record = insert(work.dialect, task_attempts).from_select(list(ended), tried)
    await work.execute(record.on_conflict_do_nothing())
    removed = await work.execute(sa.delete(task_history).where(this))
    if removed.rowcount != 1:
        raise StaleVersion(f"Task {task.id}")
    work.release(task)
