"""A task that takes turns keeps its turn until its next attempt."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

KEEPS_TURN = "status = 'WAITING_RETRY' AND substr(slot_key, length(tenant) + 2, 8) = 'overlap:'"


def upgrade() -> None:
    taken = sa.text(f"slot_key IS NOT NULL AND (gate IS NULL OR executor_id IS NOT NULL OR ({KEEPS_TURN}))")
    op.drop_index("ix_tasks_slot_taken", "tasks")
    op.create_index("ix_tasks_slot_taken", "tasks", ["slot_key", "id"], postgresql_where=taken, sqlite_where=taken)
