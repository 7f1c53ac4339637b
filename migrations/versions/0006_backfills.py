"""Backfills."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, Integer, SmallInteger, Text, Uuid

from infrastructure.sql.types import Instant, JsonText

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "backfills",
        Column("id", Uuid, nullable=False),
        Column("tenant", Text, nullable=False, server_default="default"),
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
        sa.PrimaryKeyConstraint("id", name="pk_backfills"),
    )
    _partial("ix_backfills_due", ["due_at", "id"], "due_at IS NOT NULL")
    _partial("uq_backfills_under_way", ["job_id"], "status IN ('RUNNING', 'PAUSED')", unique=True)
    op.create_index("ix_backfills_tenant", "backfills", ["tenant", "id"])
    op.create_index("ix_backfills_job", "backfills", ["job_id", "id"])


def _partial(name: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    predicate = sa.text(where)
    op.create_index(name, "backfills", columns, unique=unique, postgresql_where=predicate, sqlite_where=predicate)
