"""Fires that wait for their turn are counted, and their place in the ledger says when they were given up."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "UPDATE occurrences SET decision = 'BUFFER_DROPPED', reason = 'its task ended before its turn' "
        "WHERE decision = 'BUFFERED' AND task_id NOT IN (SELECT id FROM tasks)"
    )
    op.drop_index("ix_occurrences_buffered", "occurrences")
    _partial("ix_occurrences_waiting", "job_id", where="decision = 'BUFFERED'")
    _partial("ix_occurrences_unbegun", "task_id", where="task_id IS NOT NULL AND decision <> 'FIRED'")


def _partial(name: str, *columns: str, where: str) -> None:
    predicate = sa.text(where)
    op.create_index(name, "occurrences", list(columns), postgresql_where=predicate, sqlite_where=predicate)
