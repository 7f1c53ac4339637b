"""The table of backfills."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, SmallInteger, Table, Text, Uuid

from infrastructure.sql.schema import metadata, partial_index, tenant
from infrastructure.sql.types import Instant, JsonText

backfills = Table(
    "backfills",
    metadata,
    Column("id", Uuid, primary_key=True),
    tenant(),
    Column("job_id", Uuid, nullable=False),
    Column("job_name", Text, nullable=False),
    Column("begin_at", Instant, nullable=False),
    Column("end_at", Instant, nullable=False),
    Column("direction", Text, nullable=False),
    Column("overlap", Text, nullable=False),
    Column("max_live", Integer, nullable=False),
    Column("per_minute", Integer),
    Column("force", Boolean, nullable=False, server_default=sa.false()),
    Column("priority", SmallInteger, nullable=False),
    Column("status", Text, nullable=False),
    Column("status_reason", Text),
    Column("frontier", Instant),
    Column("waiting", JsonText, nullable=False),
    Column("walked", Boolean, nullable=False, server_default=sa.false()),
    Column("fired", BigInteger, nullable=False, server_default="0"),
    Column("passed", BigInteger, nullable=False, server_default="0"),
    Column("due_at", Instant),
    Column("created_at", Instant, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("updated_by", Text, nullable=False),
    Column("ended_at", Instant),
    Column("version", Integer, nullable=False),
)
_b = backfills.c
partial_index("ix_backfills_due", _b.due_at, _b.id, where="due_at IS NOT NULL")
partial_index("uq_backfills_under_way", _b.job_id, where="status IN ('RUNNING', 'PAUSED')", unique=True)
Index("ix_backfills_tenant", _b.tenant, _b.id)
Index("ix_backfills_job", _b.job_id, _b.id)
