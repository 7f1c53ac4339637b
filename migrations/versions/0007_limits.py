"""Limits: what tasks obey before they stand in the queue, and the keys that they share."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column, Integer, Text

from infrastructure.sql.types import Instant, JsonText

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

INDEXES = (
    ("ix_tasks_slot_taken", ("slot_key", "id"), "slot_key IS NOT NULL AND (gate IS NULL OR executor_id IS NOT NULL)"),
    ("ix_tasks_slot_waiting", ("slot_key", "rank", "id"), "gate = 'LIMIT'"),
    ("ix_tasks_rate_waiting", ("rate_key", "rank", "id"), "gate = 'RATE'"),
    ("ix_tasks_turn_taken", ("turn_key", "id"), "turn_key IS NOT NULL AND gate IS NULL AND executor_id IS NULL"),
    ("ix_tasks_turn_waiting", ("turn_key", "rank", "id"), "gate = 'FAIRNESS'"),
)


def upgrade() -> None:
    op.create_table(
        "limit_keys",
        Column("kind", Text, nullable=False),
        Column("key", Text, nullable=False),
        Column("used", JsonText),
        Column("free_at", Instant),
        Column("touched_at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("kind", "key", name="pk_limit_keys"),
    )
    for table in ("jobs", "tasks", "task_history"):
        op.add_column(table, Column("slot_key", Text))
        op.add_column(table, Column("slot_most", Integer))
        op.add_column(table, Column("rate_key", Text))
        op.add_column(table, Column("rate_terms", JsonText))
        op.add_column(table, Column("turn_key", Text))
        op.add_column(table, Column("turn_window", Integer))
    for name, columns, where in INDEXES:
        predicate = sa.text(where)
        op.create_index(name, "tasks", list(columns), postgresql_where=predicate, sqlite_where=predicate)
