"""Tasks about to be created, as a set; their settings come from the row of their job."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from domain.scheduling.key_template import OWN_SLOT
from domain.scheduling.priority import AGEING_STEP, Priority, rank
from domain.scheduling.task import NewTask, Origin
from domain.scheduling.task_status import Gate, TaskStatus
from infrastructure.sql.engine import DialectName
from infrastructure.sql.relation import Relation
from infrastructure.sql.scheduling.tables import jobs
from infrastructure.sql.scheduling.task_changes import after, limit_gate, word
from infrastructure.sql.scheduling.task_tables import tasks
from infrastructure.sql.types import Instant, JsonText

_LOWEST = Priority(1)
_BLOCKING = (Gate.DEPENDENCY, Gate.PAUSED)
_LEVEL = AGEING_STEP // timedelta(microseconds=1)

NEW_TASKS = Relation(
    "t",
    id=sa.Uuid,
    job_id=sa.Uuid,
    job_version=sa.Integer,
    run_id=sa.Uuid,
    origin=sa.Text,
    fire_key=sa.Text,
    status=sa.Text,
    gate=sa.Text,
    lowest_rank=sa.BigInteger,
    nominal_at=Instant,
    scheduled_time=Instant,
    parameters=JsonText,
    priority=sa.SmallInteger,
    slot_key=sa.Text,
    rate_key=sa.Text,
    turn_key=sa.Text,
    wait_until=Instant,
)


def new_task_rows(new: Iterable[NewTask]) -> list[tuple[object, ...]]:
    """The rows of `NEW_TASKS`."""
    return [
        (
            task.id,
            task.job_id,
            task.job_version,
            task.run_id,
            task.origin,
            task.fire_key,
            TaskStatus.BLOCKED if task.gate in _BLOCKING else TaskStatus.PENDING,
            task.gate,
            rank(task.scheduled_time, _LOWEST),
            task.nominal_at,
            task.scheduled_time,
            task.parameters,
            task.priority,
            task.keys.slot,
            task.keys.rate,
            task.keys.turn,
            task.wait_until,
        )
        for task in new
    ]


def insert_new_tasks(dialect: DialectName) -> sa.Insert:
    """INSERT … SELECT of `NEW_TASKS` joined with their jobs; parameter `b_now` is when they are created."""
    t, j = NEW_TASKS.source(dialect), jobs.c
    priority = sa.func.coalesce(t.c.priority, j.priority)
    # What is asked for directly neither obeys the overlap policy nor counts for it.
    passes_by = sa.and_(t.c.origin == word(Origin.DIRECT), j.slot_key.like(sa.literal_column(f"'{OWN_SLOT}%'")))
    slot = sa.case((passes_by, sa.null()), else_=j.slot_key)
    limits = limit_gate({**dict(j), "slot_key": slot})
    queues = sa.and_(t.c.status == word(TaskStatus.PENDING), limits.is_(None))
    values: dict[str, sa.ColumnElement[Any]] = {
        "id": t.c.id,
        "tenant": j.tenant,
        "job_id": t.c.job_id,
        "job_name": j.name,
        "job_version": t.c.job_version,
        "run_id": t.c.run_id,
        "origin": t.c.origin,
        "fire_key": t.c.fire_key,
        "status": t.c.status,
        "gate": sa.func.coalesce(t.c.gate, limits),
        "lane": j.lane,
        "rank": t.c.lowest_rank - (priority - sa.literal_column("1")) * sa.literal_column(str(_LEVEL)),
        "priority": priority,
        "max_attempts": j.max_attempts,
        "timeout_s": j.timeout_s,
        "nominal_at": t.c.nominal_at,
        "scheduled_time": t.c.scheduled_time,
        "ready_at": t.c.scheduled_time,
        "expires_at": after(dialect, t.c.scheduled_time, _patience(dialect, queues)),
        "total_deadline_at": after(dialect, t.c.scheduled_time, j.total_timeout_s),
        "created_at": sa.bindparam("b_now", type_=Instant),
        "parameters": sa.func.coalesce(t.c.parameters, j.parameters),
        "slot_key": _key(j.tenant, sa.func.coalesce(t.c.slot_key, slot)),
        "slot_most": j.slot_most,
        "rate_key": _key(j.tenant, sa.func.coalesce(t.c.rate_key, j.rate_key)),
        "rate_terms": j.rate_terms,
        "turn_key": _key(sa.cast(j.lane, sa.Text), sa.func.coalesce(t.c.turn_key, j.turn_key)),
        "turn_window": j.turn_window,
        "wait_until": t.c.wait_until,
    }
    rows = sa.select(*values.values()).select_from(t.join(jobs, j.id == t.c.job_id))
    return sa.insert(tasks).from_select(list(values), rows)


def _key(owner: sa.ColumnElement[str], key: sa.ColumnElement[Any]) -> sa.ColumnElement[str]:
    """A key as the store has it, apart from equal ones of another owner; none where there is none."""
    return owner.op("||", return_type=sa.Text())(sa.literal_column("'/'", sa.Text)).op("||", return_type=sa.Text())(key)


def _patience(dialect: DialectName, queues: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    """For how many seconds from its scheduled time a task may wait. What is blocked, or will wait at a limit, is not in
    the queue.
    """
    queue, total = jobs.c.queue_timeout_s, jobs.c.total_timeout_s
    least = sa.func.least if dialect == "postgresql" else sa.func.min
    shorter = least(sa.func.coalesce(queue, total), sa.func.coalesce(total, queue))
    return sa.case((queues, shorter), else_=total)
