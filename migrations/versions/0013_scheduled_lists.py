"""Tasks are listed by when they are scheduled."""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("tasks", "task_history"):
        op.create_index(f"ix_{table}_scheduled", table, ["tenant", "scheduled_time", "id"])
