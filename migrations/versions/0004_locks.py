"""Locks of operations, locks that users share, fences of their resources."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy import BigInteger, Column, Integer, Text, Uuid

from infrastructure.sql.types import Instant, JsonText

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "locks",
        Column("tenant", Text, nullable=False),
        Column("name", Text, nullable=False),
        Column("holder", Uuid, nullable=False),
        Column("node", Text, nullable=False),
        Column("token", BigInteger, nullable=False),
        Column("locked_at", Instant, nullable=False),
        Column("at_least_until", Instant, nullable=False),
        Column("lock_until", Instant, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "name", name="pk_locks"),
    )
    op.create_table(
        "semaphores",
        Column("tenant", Text, nullable=False),
        Column("name", Text, nullable=False),
        Column("permits", Integer, nullable=False),
        Column("holds", JsonText, nullable=False, server_default="[]"),
        Column("expires_at", Instant),
        sa.PrimaryKeyConstraint("tenant", "name", name="pk_semaphores"),
    )
    op.create_index("ix_semaphores_expires_at", "semaphores", ["expires_at"])
    op.create_table(
        "fences",
        Column("tenant", Text, nullable=False),
        Column("resource", Text, nullable=False),
        Column("token", BigInteger, nullable=False),
        Column("passed_at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "resource", name="pk_fences"),
    )
