"""The nodes of a cluster."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column, Text, Uuid

from infrastructure.sql.types import Instant, JsonText

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "nodes",
        Column("id", Uuid, nullable=False),
        Column("label", Text, nullable=False),
        Column("roles", JsonText, nullable=False),
        Column("version", Text, nullable=False),
        Column("host", Text, nullable=False),
        Column("started_at", Instant, nullable=False),
        Column("last_beat_at", Instant, nullable=False),
        Column("left_at", Instant),
        sa.PrimaryKeyConstraint("id", name="pk_nodes"),
    )
