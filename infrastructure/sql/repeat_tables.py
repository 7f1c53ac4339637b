"""The requests that were sent with a key."""

from __future__ import annotations

from sqlalchemy import Column, Index, LargeBinary, SmallInteger, Table, Text

from infrastructure.sql.schema import metadata
from infrastructure.sql.types import Instant, JsonText

repeats = Table(
    "repeats",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("principal", Text, primary_key=True),
    Column("operation", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("begun_at", Instant, nullable=False),
    Column("status", SmallInteger),
    Column("headers", JsonText),
    Column("body", LargeBinary),
)
Index(None, repeats.c.begun_at)
