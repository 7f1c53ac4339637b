"""The table of nodes."""

from __future__ import annotations

from sqlalchemy import Column, Table, Text, Uuid

from infrastructure.sql.schema import metadata
from infrastructure.sql.types import Instant, JsonText

nodes = Table(
    "nodes",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("label", Text, nullable=False),
    Column("roles", JsonText, nullable=False),
    Column("version", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("last_beat_at", Instant, nullable=False),
    Column("left_at", Instant),
)
"""Of the platform, not of a tenant; a handful of rows."""
