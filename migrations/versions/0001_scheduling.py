"""Jobs, schedules and their ledger, tasks alive and in history, executors, the outbox."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, Integer, SmallInteger, Text, Uuid

from infrastructure.sql.types import Instant, JsonText
from migrations.columns_0001 import task_columns, tenant

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

HOT_TABLE = {
    "fillfactor": 50,  # room for the next version of a row on its own page
    "autovacuum_vacuum_scale_factor": 0.02,
    "autovacuum_vacuum_cost_delay": 0,
    "autovacuum_analyze_scale_factor": 0.05,
}
BUSY_TABLE = {"fillfactor": 70, "autovacuum_vacuum_scale_factor": 0.05}


def upgrade() -> None:
    _jobs()
    _schedules()
    _tasks()
    _task_records()
    _executors()
    _switches()
    _outbox()


def _jobs() -> None:
    op.create_table(
        "jobs",
        Column("id", Uuid, nullable=False),
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
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
    )
    _partial_index("uq_jobs_tenant_name", "jobs", "tenant", "name", where="status <> 'DELETED'", unique=True)
    op.create_table(
        "job_versions",
        Column("job_id", Uuid, nullable=False),
        Column("version", Integer, nullable=False, autoincrement=False),
        Column("spec", JsonText, nullable=False),
        Column("created_at", Instant, nullable=False),
        Column("created_by", Text, nullable=False),
        sa.PrimaryKeyConstraint("job_id", "version", name="pk_job_versions"),
    )
    op.create_table(
        "lanes",
        Column("id", Integer, nullable=False, autoincrement=True),
        Column("tenant", Text, nullable=False),
        Column("pool", Text, nullable=False),
        Column("type", Text, nullable=False),
        Column("handler", Text, nullable=False),
        Column("requires", Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_lanes"),
        sa.UniqueConstraint("tenant", "pool", "type", "handler", "requires", name="uq_lanes_key"),
    )


def _schedules() -> None:
    op.create_table(
        "schedules",
        Column("job_id", Uuid, nullable=False),
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
        sa.PrimaryKeyConstraint("job_id", name="pk_schedules"),
        postgresql_with=BUSY_TABLE,
    )
    _partial_index("ix_schedules_due", "schedules", "due_at", "job_id", where="due_at IS NOT NULL")
    _partial_index("ix_schedules_awaiting", "schedules", "awaited_task", where="awaited_task IS NOT NULL")
    op.create_table(
        "event_listeners",
        Column("tenant", Text, nullable=False),
        Column("event_type", Text, nullable=False),
        Column("job_id", Uuid, nullable=False),
        Column("source", Text, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "event_type", "job_id", "source", name="pk_event_listeners"),
    )
    op.create_index("ix_event_listeners_job", "event_listeners", ["job_id"])
    op.create_table(
        "occurrences",
        Column("id", Uuid, nullable=False),
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
        sa.PrimaryKeyConstraint("id", name="pk_occurrences"),
    )
    op.create_index("ix_occurrences_job", "occurrences", ["job_id", "nominal_at", "id"])
    # This key is why a fire happens at most once.
    _partial_index("uq_occurrences_fired", "occurrences", "job_id", "fire_key", where="decision = 'FIRED'", unique=True)


def _tasks() -> None:
    op.create_table("tasks", *task_columns(), sa.PrimaryKeyConstraint("id", name="pk_tasks"), postgresql_with=HOT_TABLE)
    claimable = "gate IS NULL AND status IN ('PENDING', 'WAITING_RETRY')"
    _partial_index("ix_tasks_claim", "tasks", "lane", "rank", "id", where=claimable)
    opening = "gate = 'TIME' AND stopping_until IS NULL"
    _partial_index("ix_tasks_opening", "tasks", "ready_at", "id", where=opening)
    _partial_index("ix_tasks_held", "tasks", "executor_id", "claim_id", "id", where="executor_id IS NOT NULL")
    _partial_index("ix_tasks_stopping", "tasks", "executor_id", "id", where="stopping_until IS NOT NULL")
    _partial_index("ix_tasks_expiring", "tasks", "expires_at", "id", where="expires_at IS NOT NULL")
    named = "unique_key IS NOT NULL"
    _partial_index("uq_tasks_unique_key", "tasks", "tenant", "unique_key", where=named, unique=True)
    op.create_index("ix_tasks_job", "tasks", ["job_id", "id"])

    op.create_table("task_history", *task_columns(), postgresql_partition_by="RANGE (ended_at)")
    op.create_index("ix_task_history_id", "task_history", ["id"])
    op.create_index("ix_task_history_job", "task_history", ["job_id", "id"])
    _partial_index("ix_task_history_unsuccessful", "task_history", "tenant", "id", where="status <> 'COMPLETED'")
    if _on_postgresql():
        op.execute("CREATE TABLE task_history_default PARTITION OF task_history DEFAULT")
        op.execute("CREATE SEQUENCE task_tokens")  # CACHE 1: tokens must rise across connections
    else:
        tokens = op.create_table("task_tokens", Column("last", BigInteger, nullable=False))
        op.bulk_insert(tokens, [{"last": 0}])


def _task_records() -> None:
    op.create_table(
        "task_attempts",
        Column("task_id", Uuid, nullable=False),
        Column("attempt", SmallInteger, nullable=False, autoincrement=False),
        Column("status", Text, nullable=False),
        Column("executor_id", Text),
        Column("token", BigInteger),
        Column("claimed_at", Instant),
        Column("started_at", Instant),
        Column("ended_at", Instant),
        Column("error", JsonText),
        sa.PrimaryKeyConstraint("task_id", "attempt", name="pk_task_attempts"),
    )
    op.create_table(
        "task_logs",
        Column("task_id", Uuid, nullable=False),
        Column("token", BigInteger, nullable=False, autoincrement=False),
        Column("sequence", Integer, nullable=False, autoincrement=False),
        Column("attempt", SmallInteger, nullable=False),
        Column("at", Instant, nullable=False),
        Column("lines", JsonText, nullable=False),
        sa.PrimaryKeyConstraint("task_id", "token", "sequence", name="pk_task_logs"),
    )
    op.create_table(
        "orphan_results",
        Column("task_id", Uuid, nullable=False),
        Column("token", BigInteger, nullable=False, autoincrement=False),
        Column("executor_id", Text, nullable=False),
        Column("reported_at", Instant, nullable=False),
        Column("status", Text, nullable=False),
        Column("result", JsonText),
        Column("error", JsonText),
        sa.PrimaryKeyConstraint("task_id", "token", name="pk_orphan_results"),
    )


def _executors() -> None:
    op.create_table(
        "executors",
        Column("id", Text, nullable=False),
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
        sa.PrimaryKeyConstraint("id", name="pk_executors"),
        postgresql_with=BUSY_TABLE,
    )
    _partial_index("ix_executors_heartbeat", "executors", "last_heartbeat_at", "id", where="status <> 'OFFLINE'")


def _switches() -> None:
    op.create_table(
        "switches",
        Column("kind", Text, nullable=False),
        Column("tenant", Text, nullable=False),
        Column("pool", Text, nullable=False),
        Column("reason", Text, nullable=False),
        Column("since", Instant, nullable=False),
        Column("by", Text, nullable=False),
        sa.PrimaryKeyConstraint("kind", "tenant", "pool", name="pk_switches"),
    )


def _outbox() -> None:
    op.create_table(
        "outbox",
        Column("seq", BigInteger().with_variant(Integer, "sqlite"), nullable=False, autoincrement=True),
        tenant(),
        Column("context", Text, nullable=False),
        Column("at", Instant, nullable=False),
        Column("count", Integer, nullable=False),
        Column("events", JsonText, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_outbox"),
        sqlite_autoincrement=True,  # a number is not given again after its row was dropped: readers remember it
    )
    if _on_postgresql():
        # lz4 compresses a batch of events in a quarter of pglz's time; a server built without it keeps pglz.
        op.execute(
            "DO $$ BEGIN EXECUTE 'ALTER TABLE outbox ALTER COLUMN events SET COMPRESSION lz4';"
            " EXCEPTION WHEN feature_not_supported OR syntax_error THEN NULL; END $$"
        )


def _partial_index(name: str, table: str, *columns: str, where: str, unique: bool = False) -> None:
    predicate = sa.text(where)
    op.create_index(name, table, list(columns), unique=unique, postgresql_where=predicate, sqlite_where=predicate)


def _on_postgresql() -> bool:
    return op.get_context().dialect.name == "postgresql"
