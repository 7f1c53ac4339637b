"""The platform's own upkeep: how each operation stands, and what its executions did."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy import BigInteger, Column, Integer, Text, Uuid

from infrastructure.sql.types import Instant

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_PENDING = sa.text("status = 'PENDING'")


def upgrade() -> None:
    op.create_table(
        "operations",
        Column("name", Text, nullable=False),
        Column("next_run_at", Instant, nullable=False),
        Column("every_ms", BigInteger),
        Column("paused_at", Instant),
        Column("paused_by", Text),
        Column("paused_reason", Text),
        Column("failures", Integer, nullable=False, server_default="0"),
        Column("execution_id", Uuid),
        sa.PrimaryKeyConstraint("name", name="pk_operations"),
    )
    op.create_table(
        "maintenance_executions",
        Column("id", Uuid, nullable=False),
        Column("operation", Text, nullable=False),
        Column("description", Text, nullable=False),
        Column("status", Text, nullable=False),
        Column("triggered_by", Text, nullable=False),
        Column("requested_by", Text),
        Column("created_at", Instant, nullable=False),
        Column("executed_at", Instant),
        Column("ended_at", Instant),
        Column("processed_count", BigInteger, nullable=False, server_default="0"),
        Column("error_message", Text),
        Column("server_instance", Text),
        Column("token", BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_maintenance_executions"),
    )
    op.create_index("ix_maintenance_executions_operation", "maintenance_executions", ["operation", "id"])
    op.create_index("ix_maintenance_executions_created", "maintenance_executions", ["created_at", "id"])
    op.create_index(
        "uq_maintenance_executions_pending",
        "maintenance_executions",
        ["operation"],
        unique=True,
        postgresql_where=_PENDING,
        sqlite_where=_PENDING,
    )
