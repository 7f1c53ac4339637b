"""The tables of operations: how each stands, and every execution of it."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text, Uuid

from infrastructure.sql.schema import metadata, partial_index
from infrastructure.sql.types import Instant

operations = Table(
    "operations",
    metadata,
    Column("name", Text, primary_key=True),
    Column("next_run_at", Instant, nullable=False),
    Column("every_ms", BigInteger),
    Column("paused_at", Instant),
    Column("paused_by", Text),
    Column("paused_reason", Text),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("execution_id", Uuid),
)
"""Of the platform, not of a tenant; a handful of rows."""

maintenance_executions = Table(
    "maintenance_executions",
    metadata,
    Column("id", Uuid, primary_key=True),
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
)
_e = maintenance_executions.c
Index("ix_maintenance_executions_operation", _e.operation, _e.id)
Index("ix_maintenance_executions_created", _e.created_at, _e.id)
partial_index("uq_maintenance_executions_pending", _e.operation, where="status = 'PENDING'", unique=True)
