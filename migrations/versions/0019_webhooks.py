"""Addresses that are told of events."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column, Text, Uuid

from infrastructure.sql.schema import tenant
from infrastructure.sql.types import Instant, JsonText

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "webhooks",
        Column("id", Uuid, nullable=False),
        tenant(),
        Column("name", Text, nullable=False),
        Column("url", Text, nullable=False),
        Column("events", JsonText, nullable=False),
        Column("job_id", Uuid),
        Column("secret", Text, nullable=False),
        Column("previous_secret", Text),
        Column("previous_until", Instant),
        Column("created_at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_webhooks"),
        sa.UniqueConstraint("tenant", "name", name="uq_webhooks_name"),
    )
