"""The tables of jobs, their schedules and ledger, of lanes, executors and switches, and the outbox."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, SmallInteger, Table, Text, Uuid

from infrastructure.sql.scheduling.limit_tables import limit_columns
from infrastructure.sql.schema import metadata, partial_index, tenant
from infrastructure.sql.types import Instant, JsonText

jobs = Table(
    "jobs",
    metadata,
    Column("id", Uuid, primary_key=True),
    tenant(),
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
    *limit_columns(),
    Column("coming_at", Instant),
    Column("coming_spec", JsonText),
    Column("coming_by", Text),
)
partial_index("uq_jobs_tenant_name", jobs.c.tenant, jobs.c.name, where="status <> 'DELETED'", unique=True)

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
    tenant(),
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
    Column("skips", JsonText),
    Column("changes_at", Instant),
)
partial_index("ix_schedules_due", schedules.c.due_at, schedules.c.job_id, where="due_at IS NOT NULL")
partial_index("ix_schedules_awaiting", schedules.c.awaited_task, where="awaited_task IS NOT NULL")

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
partial_index(
    "uq_occurrences_fired",
    occurrences.c.job_id,
    occurrences.c.fire_key,
    where="decision IN ('FIRED', 'BUFFERED')",
    unique=True,
)
partial_index("ix_occurrences_waiting", occurrences.c.job_id, where="decision = 'BUFFERED'")
# Fires that have a task and have not begun: they wait for their turn, or were given up.
partial_index("ix_occurrences_unbegun", occurrences.c.task_id, where="task_id IS NOT NULL AND decision <> 'FIRED'")

lanes = Table(
    "lanes",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("tenant", Text, nullable=False),
    Column("pool", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("handler", Text, nullable=False),
    Column("requires", Text, nullable=False),
    Column("executor", Text, nullable=False, server_default=""),
    sa.UniqueConstraint("tenant", "pool", "type", "handler", "requires", "executor", name="uq_lanes_key"),
)


executors = Table(
    "executors",
    metadata,
    Column("id", Text, primary_key=True),
    tenant(),
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
    Column("clock_offset_ms", BigInteger),
)
partial_index("ix_executors_heartbeat", executors.c.last_heartbeat_at, executors.c.id, where="status <> 'OFFLINE'")

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

outbox = Table(
    "outbox",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    tenant(),
    Column("context", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("count", Integer, nullable=False),
    Column("events", JsonText, nullable=False),
    sqlite_autoincrement=True,
)
