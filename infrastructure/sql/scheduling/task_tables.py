"""The tables of tasks. Live tasks and history are two; whatever waits stays out of the claim's index."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import BigInteger, Column, Float, Index, Integer, SmallInteger, Table, Text, Uuid

from infrastructure.sql.scheduling.limit_tables import limit_columns
from infrastructure.sql.schema import metadata, partial_index, tenant
from infrastructure.sql.types import Instant, JsonText


def _task_columns() -> list[Column[object]]:
    """A task has the same columns alive and in history, in the same order, so that it moves by INSERT … SELECT."""
    return [
        Column("id", Uuid, nullable=False),
        tenant(),
        Column("job_id", Uuid, nullable=False),
        Column("job_name", Text, nullable=False),
        Column("job_version", Integer, nullable=False),
        Column("run_id", Uuid, nullable=False),
        Column("origin", Text, nullable=False),
        Column("fire_key", Text),
        Column("unique_key", Text),
        Column("status", Text, nullable=False),
        Column("status_reason", Text),
        Column("gate", Text),
        Column("lane", Integer, nullable=False),
        Column("rank", BigInteger, nullable=False),
        Column("priority", SmallInteger, nullable=False),
        Column("attempt", SmallInteger, nullable=False, server_default="0"),
        Column("max_attempts", SmallInteger, nullable=False),
        Column("lost", SmallInteger, nullable=False, server_default="0"),
        Column("snoozed", SmallInteger, nullable=False, server_default="0"),
        Column("absences", SmallInteger, nullable=False, server_default="0"),
        Column("executor_id", Text),
        Column("epoch", Integer),
        Column("token", BigInteger),
        Column("claim_id", Uuid),
        Column("timeout_s", Integer),
        Column("nominal_at", Instant),
        Column("scheduled_time", Instant, nullable=False),
        Column("ready_at", Instant, nullable=False),
        Column("expires_at", Instant),  # given up then, if it still waits
        Column("total_deadline_at", Instant),
        Column("claimed_at", Instant),
        Column("started_at", Instant),
        Column("deadline_at", Instant),
        Column("stopping_until", Instant),
        Column("ended_at", Instant),
        Column("created_at", Instant, nullable=False),
        Column("progress", Float),
        Column("checkpoint", JsonText),
        Column("parameters", JsonText, nullable=False),
        Column("result", JsonText),
        Column("error", JsonText),
        Column("version", Integer, nullable=False, server_default="1"),
        *limit_columns(),
        Column("wait_until", Instant),  # how long it waits for what it depends on
        Column("cause_id", Uuid),  # the task because of which it did not run
        Column("progress_message", Text),
    ]


tasks = Table("tasks", metadata, *_task_columns(), sa.PrimaryKeyConstraint("id", name="pk_tasks"))
_t = tasks.c
partial_index(
    "ix_tasks_claim", _t.lane, _t.rank, _t.id, where="gate IS NULL AND status IN ('PENDING', 'WAITING_RETRY')"
)
partial_index("ix_tasks_opening", _t.ready_at, _t.id, where="gate = 'TIME' AND stopping_until IS NULL")
partial_index("ix_tasks_held", _t.executor_id, _t.claim_id, _t.id, where="executor_id IS NOT NULL")
partial_index("ix_tasks_stopping", _t.executor_id, _t.id, where="stopping_until IS NOT NULL")
partial_index("ix_tasks_expiring", _t.expires_at, _t.id, where="expires_at IS NOT NULL")
partial_index("uq_tasks_unique_key", _t.tenant, _t.unique_key, where="unique_key IS NOT NULL", unique=True)
_KEEPS_TURN = "status = 'WAITING_RETRY' AND substr(slot_key, length(tenant) + 2, 8) = 'overlap:'"
_SLOT_TAKEN = f"slot_key IS NOT NULL AND (gate IS NULL OR executor_id IS NOT NULL OR ({_KEEPS_TURN}))"
partial_index("ix_tasks_slot_taken", _t.slot_key, _t.id, where=_SLOT_TAKEN)
partial_index("ix_tasks_slot_waiting", _t.slot_key, _t.rank, _t.id, where="gate = 'LIMIT'")
partial_index("ix_tasks_rate_waiting", _t.rate_key, _t.rank, _t.id, where="gate = 'RATE'")
_TURN_TAKEN = "turn_key IS NOT NULL AND gate IS NULL AND executor_id IS NULL"
partial_index("ix_tasks_turn_taken", _t.turn_key, _t.id, where=_TURN_TAKEN)
partial_index("ix_tasks_turn_waiting", _t.turn_key, _t.rank, _t.id, where="gate = 'FAIRNESS'")
Index("ix_tasks_job", _t.job_id, _t.id)
Index("ix_tasks_scheduled", _t.tenant, _t.scheduled_time, _t.id)
partial_index("ix_tasks_dependent", _t.job_id, _t.id, where="gate = 'DEPENDENCY'")
partial_index("ix_tasks_dependent_until", _t.wait_until, _t.id, where="gate = 'DEPENDENCY' AND wait_until IS NOT NULL")
# The root of a run has its number: what runs alone is in neither of these two.
partial_index("ix_tasks_run", _t.run_id, _t.job_id, _t.id, where="id <> run_id")

task_history = Table("task_history", metadata, *_task_columns(), info={"partitioned_by": "ended_at"})
_h = task_history.c
Index("ix_task_history_id", _h.id)
Index("ix_task_history_job", _h.job_id, _h.id)
Index("ix_task_history_scheduled", _h.tenant, _h.scheduled_time, _h.id)
partial_index("ix_task_history_run", _h.run_id, _h.job_id, _h.id, where="id <> run_id")
partial_index("ix_task_history_cause", _h.cause_id, _h.id, where="cause_id IS NOT NULL")
partial_index("ix_task_history_unsuccessful", _h.tenant, _h.id, where="status <> 'COMPLETED'")

TASK_COLUMNS: tuple[str, ...] = tuple(c.name for c in tasks.columns)

task_attempts = Table(
    "task_attempts",
    metadata,
    Column("task_id", Uuid, primary_key=True),
    Column("attempt", SmallInteger, primary_key=True),
    Column("status", Text, nullable=False),
    Column("executor_id", Text),
    Column("token", BigInteger),
    Column("claimed_at", Instant),
    Column("started_at", Instant),
    Column("ended_at", Instant),
    Column("error", JsonText),
)
"""Attempts that a later one followed; the last attempt of a task stands in its own row."""

task_logs = Table(
    "task_logs",
    metadata,
    Column("task_id", Uuid, primary_key=True),
    Column("token", BigInteger, primary_key=True),
    Column("sequence", Integer, primary_key=True),
    Column("attempt", SmallInteger, nullable=False),
    Column("at", Instant, nullable=False),
    Column("lines", JsonText, nullable=False),
)

orphan_results = Table(
    "orphan_results",
    metadata,
    Column("task_id", Uuid, primary_key=True),
    Column("token", BigInteger, primary_key=True),
    Column("executor_id", Text, nullable=False),
    Column("reported_at", Instant, nullable=False),
    Column("status", Text, nullable=False),
    Column("result", JsonText),
    Column("error", JsonText),
)

task_tokens = Table("task_tokens", metadata, Column("last", BigInteger, nullable=False), info={"sqlite_only": True})
"""The counter of fencing tokens in SQLite, one row; PostgreSQL has a sequence of that name."""
