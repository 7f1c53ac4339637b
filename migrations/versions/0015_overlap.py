"""Fires that wait for their turn have their place in the ledger, like those that run."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("uq_occurrences_fired", "occurrences")
    _partial("uq_occurrences_fired", "job_id", "fire_key", where="decision IN ('FIRED', 'BUFFERED')", unique=True)
    _partial("ix_occurrences_buffered", "task_id", where="decision = 'BUFFERED'")


def _partial(name: str, *columns: str, where: str, unique: bool = False) -> None:
    predicate = sa.text(where)
    op.create_index(
        name, "occurrences", list(columns), unique=unique, postgresql_where=predicate, sqlite_where=predicate
    )
