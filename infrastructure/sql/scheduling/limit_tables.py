"""The keys of limits: a row each, to be locked by whoever lets tasks go, and what a rate has let go."""

from __future__ import annotations

from sqlalchemy import Column, Integer, Table, Text

from infrastructure.sql.schema import metadata
from infrastructure.sql.types import Instant, JsonText

limit_keys = Table(
    "limit_keys",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("used", JsonText),
    Column("free_at", Instant),
    Column("touched_at", Instant, nullable=False),
)


def limit_columns() -> list[Column[object]]:
    """What a task obeys before it stands in the queue; a job has the same for its tasks."""
    return [
        Column("slot_key", Text),
        Column("slot_most", Integer),
        Column("rate_key", Text),
        Column("rate_terms", JsonText),
        Column("turn_key", Text),
        Column("turn_window", Integer),
    ]
