"""The tables of locks: those of operations, those that users share, and the fences of their resources."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import BigInteger, Column, Integer, Table, Text, Uuid

from infrastructure.sql.schema import metadata
from infrastructure.sql.types import Instant, JsonText

locks = Table(
    "locks",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("holder", Uuid, nullable=False),
    Column("node", Text, nullable=False),
    Column("token", BigInteger, nullable=False),
    Column("locked_at", Instant, nullable=False),
    Column("at_least_until", Instant, nullable=False),
    Column("lock_until", Instant, nullable=False),
)
"""Locks of operations; a row stays when its lock is free."""

semaphores = Table(
    "semaphores",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("permits", Integer, nullable=False),
    Column("holds", JsonText, nullable=False, server_default="[]"),
    Column("expires_at", Instant),
    sa.Index("ix_semaphores_expires_at", "expires_at"),
)
"""Locks that users share. A row has all its holders; one that nobody holds is gone."""

fences = Table(
    "fences",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("resource", Text, primary_key=True),
    Column("token", BigInteger, nullable=False),
    Column("passed_at", Instant, nullable=False),
)
"""The highest token that each resource of a user has seen."""
