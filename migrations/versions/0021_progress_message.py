"""What an attempt says of its progress."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Text

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("tasks", "task_history"):
        op.add_column(table, Column("progress_message", Text))
