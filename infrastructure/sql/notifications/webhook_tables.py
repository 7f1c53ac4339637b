"""The table of webhooks."""

from __future__ import annotations

from sqlalchemy import Column, Table, Text, UniqueConstraint, Uuid

from infrastructure.sql.schema import metadata, tenant
from infrastructure.sql.types import Instant, JsonText

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", Uuid, primary_key=True),
    tenant(),
    Column("name", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("events", JsonText, nullable=False),
    Column("job_id", Uuid),
    Column("secret", Text, nullable=False),
    Column("previous_secret", Text),
    Column("previous_until", Instant),
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("tenant", "name", name="uq_webhooks_name"),
)
"""`events` is a JSON array of patterns. The secrets sign, so they are kept as they are."""
