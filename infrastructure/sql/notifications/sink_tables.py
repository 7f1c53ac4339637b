"""The tables of sinks and of what they refused."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, Table, Text, Uuid

from infrastructure.sql.schema import metadata, tenant
from infrastructure.sql.types import Instant, JsonText

sinks = Table(
    "sinks",
    metadata,
    Column("name", Text, primary_key=True),
    Column("tenant", Text),
    Column("seq", BigInteger, nullable=False),
    Column("nth", Integer, nullable=False),
    Column("token", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("error", Text),
    Column("error_since", Instant),
    Column("lost", BigInteger, nullable=False, server_default="0"),
    Column("moved_at", Instant, nullable=False),
)
"""How far each sink is; without a tenant it is the platform's."""

sink_letters = Table(
    "sink_letters",
    metadata,
    Column("id", Uuid, primary_key=True),
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
    Index("ix_sink_letters_sink", "sink", "id"),
)
"""Events that a sink has refused for good."""
