"""Requests that were sent with a key."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column, LargeBinary, SmallInteger, Text

from infrastructure.sql.types import Instant, JsonText

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "repeats",
        Column("tenant", Text, nullable=False),
        Column("principal", Text, nullable=False),
        Column("operation", Text, nullable=False),
        Column("key", Text, nullable=False),
        Column("fingerprint", Text, nullable=False),
        Column("begun_at", Instant, nullable=False),
        Column("status", SmallInteger),
        Column("headers", JsonText),
        Column("body", LargeBinary),
        sa.PrimaryKeyConstraint("tenant", "principal", "operation", "key", name="pk_repeats"),
    )
    op.create_index("ix_repeats_begun_at", "repeats", ["begun_at"])
