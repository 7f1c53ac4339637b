"""The tables of scheduling. Live tasks and history are two tables; whatever waits stays out of the claim's index."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, MetaData, SmallInteger, Table, Text, Uuid

from infrastructure.sql.types import Instant, JsonText

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _tenant() -> Column[str]:
    return Column("tenant", Text, nullable=False, server_default="default")


def _partial(name: str, *columns: Column[object], where: str, unique: bool = False) -> Index:
    """An index over some rows only. The predicate is literal text:

    a bound one would lose the index under a generic plan.
    """
    return Index(name, *columns, unique=unique, postgresql_where=sa.text(where), sqlite_where=sa.text(where))


jobs = Table(
    "jobs",
    metadata,
    Column("id", Uuid, primary_key=True),
    _tenant(),
    Column("name", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("handler", Text),
    Column("status", Text, nullable=False),
    Column("status_reason", Text),
    Column("lane", Integer, nullable=False),
    Column("priority", SmallInteger, nullable=False),
    Column("max_attempts", SmallInteger, nullable=False),
    Column("timeout_s", Integer),
    Column("queue_timeout_s", Integer),
    Column("total_timeout_s", Integer),
    Column("parameters", JsonText, nullable=False),
    Column("tags", JsonText, nullable=False),
    Column("spec", JsonText, nullable=False),
    Column("definition_version", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("updated_by", Text, nullable=False),
)
_partial("uq_jobs_tenant_name", jobs.c.tenant, jobs.c.name, where="status <> 'DELETED'", unique=True)

job_versions = Table(
    "job_versions",
    metadata,
    Column("job_id", Uuid, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("spec", JsonText, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("created_by", Text, nullable=False),
)

schedules = Table(
    "schedules",
    metadata,
    Column("job_id", Uuid, primary_key=True),
    _tenant(),
    Column("job_version", Integer, nullable=False),
    Column("lane", Integer, nullable=False),
    Column("policy", JsonText, nullable=False),
    Column("due_at", Instant),
    Column("upcoming", JsonText, nullable=False),
    Column("active", Boolean, nullable=False, server_default=sa.true()),
    Column("exhausted", Boolean, nullable=False, server_default=sa.false()),
    Column("last_nominal", Instant),
    Column("last_end", Instant),
    Column("fired_count", BigInteger, nullable=False, server_default="0"),
    Column("since", Instant),
    Column("awaited_task", Uuid),
    Column("tail_id", Uuid),
    Column("tail_decision", Text),
    Column("last_fired_at", Instant),
    Column("health_error", Text),
    Column("failures", Integer, nullable=False, server_default="0"),
)
_partial("ix_schedules_due", schedules.c.due_at, schedules.c.job_id, where="due_at IS NOT NULL")
_partial("ix_schedules_awaiting", schedules.c.awaited_task, where="awaited_task IS NOT NULL")

event_listeners = Table(
    "event_listeners",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("event_type", Text, primary_key=True),
    Column("job_id", Uuid, primary_key=True),
    Column("source", Text, primary_key=True),
    Index("ix_event_listeners_job", "job_id"),
)
"""The patterns of events that jobs listen to, as their triggers have them."""

occurrences = Table(
    "occurrences",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("job_id", Uuid, nullable=False),
    Column("fire_key", Text, nullable=False),
    Column("decision", Text, nullable=False),
    Column("nominal_at", Instant, nullable=False),
    Column("first_nominal_at", Instant, nullable=False),
    Column("planned_at", Instant, nullable=False),
    Column("count", Integer, nullable=False),
    Column("reason", Text),
    Column("task_id", Uuid),
    Column("job_version", Integer, nullable=False),
    Column("tzdata_version", Text, nullable=False),
    Column("decided_at", Instant, nullable=False),
    Index("ix_occurrences_job", "job_id", "nominal_at", "id"),
)
_partial("uq_occurrences_fired", occurrences.c.job_id, occurrences.c.fire_key, where="decision = 'FIRED'", unique=True)

lanes = Table(
    "lanes",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("tenant", Text, nullable=False),
    Column("pool", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("handler", Text, nullable=False),
    Column("requires", Text, nullable=False),
    sa.UniqueConstraint("tenant", "pool", "type", "handler", "requires", name="uq_lanes_key"),
)


def _task_columns() -> list[Column[object]]:
    """A task has the same columns alive and in history, in the same order, so that it moves by INSERT … SELECT."""
    return [
        Column("id", Uuid, nullable=False),
        _tenant(),
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
    ]


tasks = Table("tasks", metadata, *_task_columns(), sa.PrimaryKeyConstraint("id", name="pk_tasks"))
_t = tasks.c
_partial("ix_tasks_claim", _t.lane, _t.rank, _t.id, where="gate IS NULL AND status IN ('PENDING', 'WAITING_RETRY')")
_partial("ix_tasks_opening", _t.ready_at, _t.id, where="gate = 'TIME' AND stopping_until IS NULL")
_partial("ix_tasks_held", _t.executor_id, _t.claim_id, _t.id, where="executor_id IS NOT NULL")
_partial("ix_tasks_stopping", _t.executor_id, _t.id, where="stopping_until IS NOT NULL")
_partial("ix_tasks_expiring", _t.expires_at, _t.id, where="expires_at IS NOT NULL")
_partial("uq_tasks_unique_key", _t.tenant, _t.unique_key, where="unique_key IS NOT NULL", unique=True)
Index("ix_tasks_job", _t.job_id, _t.id)

task_history = Table("task_history", metadata, *_task_columns(), info={"partitioned_by": "ended_at"})
_h = task_history.c
Index("ix_task_history_id", _h.id)
Index("ix_task_history_job", _h.job_id, _h.id)
_partial("ix_task_history_unsuccessful", _h.tenant, _h.id, where="status <> 'COMPLETED'")

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

executors = Table(
    "executors",
    metadata,
    Column("id", Text, primary_key=True),
    _tenant(),
    Column("status", Text, nullable=False),
    Column("status_reason", Text),
    Column("deactivated", Boolean, nullable=False, server_default=sa.false()),
    Column("instance_id", Uuid, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("host", Text, nullable=False),
    Column("worker_version", Text, nullable=False),
    Column("pool", Text, nullable=False),
    Column("labels", JsonText, nullable=False),
    Column("types", JsonText, nullable=False),
    Column("handlers", JsonText, nullable=False),
    Column("slots", Integer, nullable=False),
    Column("registered_at", Instant, nullable=False),
    Column("last_heartbeat_at", Instant, nullable=False),
    Column("version", Integer, nullable=False),
)
_partial("ix_executors_heartbeat", executors.c.last_heartbeat_at, executors.c.id, where="status <> 'OFFLINE'")

switches = Table(
    "switches",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("tenant", Text, primary_key=True),
    Column("pool", Text, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("since", Instant, nullable=False),
    Column("by", Text, nullable=False),
)
"""What is stopped; a row that is gone goes on."""

task_tokens = Table("task_tokens", metadata, Column("last", BigInteger, nullable=False), info={"sqlite_only": True})
"""The counter of fencing tokens in SQLite, one row; PostgreSQL has a sequence of that name."""

outbox = Table(
    "outbox",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    _tenant(),
    Column("context", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("count", Integer, nullable=False),
    Column("events", JsonText, nullable=False),
    sqlite_autoincrement=True,
)
