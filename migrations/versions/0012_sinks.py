"""How far each sink of events is, and what it refused."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, Integer, Text, Uuid

from infrastructure.sql.schema import tenant
from infrastructure.sql.types import Instant, JsonText

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sinks",
        Column("name", Text, nullable=False),
        Column("tenant", Text),
        Column("seq", BigInteger, nullable=False),
        Column("nth", Integer, nullable=False),
        Column("token", BigInteger, nullable=False),
        Column("attempts", Integer, nullable=False, server_default="0"),
        Column("error", Text),
        Column("error_since", Instant),
        Column("lost", BigInteger, nullable=False, server_default="0"),
        Column("moved_at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_sinks"),
    )
    op.create_table(
        "sink_letters",
        Column("id", Uuid, nullable=False),
        Column("sink", Text, nullable=False),
        tenant(),
        Column("context", Text, nullable=False),
        Column("seq", BigInteger, nullable=False),
        Column("nth", Integer, nullable=False),
        Column("event", JsonText, nullable=False),
        Column("attempts", Integer, nullable=False),
        Column("error", Text, nullable=False),
        Column("died_at", Instant, nullable=False),
        Column("due", Boolean, nullable=False, server_default=sa.false()),
        sa.PrimaryKeyConstraint("id", name="pk_sink_letters"),
    )
    op.create_index("ix_sink_letters_sink", "sink_letters", ["sink", "id"])
