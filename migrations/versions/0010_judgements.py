"""Tasks that wait for others, judgements, and runs that were cancelled."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy import BigInteger, Column, Integer, Text, Uuid

from infrastructure.sql.types import Instant

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("tasks", "task_history"):
        op.add_column(table, Column("wait_until", Instant))
        op.add_column(table, Column("cause_id", Uuid))
    waits = "gate = 'DEPENDENCY'"
    _partial_index("ix_tasks_dependent", "tasks", "job_id", "id", where=waits)
    until = f"{waits} AND wait_until IS NOT NULL"
    _partial_index("ix_tasks_dependent_until", "tasks", "wait_until", "id", where=until)
    _partial_index("ix_tasks_run", "tasks", "run_id", "job_id", "id", where="id <> run_id")
    _partial_index("ix_task_history_run", "task_history", "run_id", "job_id", "id", where="id <> run_id")
    _partial_index("ix_task_history_cause", "task_history", "cause_id", "id", where="cause_id IS NOT NULL")
    op.create_table(
        "judgements",
        Column("id", BigInteger().with_variant(Integer, "sqlite"), nullable=False, autoincrement=True),
        Column("tenant", Text, nullable=False, server_default="default"),
        Column("job_id", Uuid, nullable=False),
        Column("run_id", Uuid, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_judgements"),
        # Rows live for milliseconds.
        postgresql_with={"autovacuum_vacuum_scale_factor": 0.02, "autovacuum_vacuum_cost_delay": 0},
    )
    op.create_table(
        "cancelled_runs",
        Column("run_id", Uuid, nullable=False),
        Column("tenant", Text, nullable=False, server_default="default"),
        Column("reason", Text),
        Column("by", Text, nullable=False),
        Column("at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("run_id", name="pk_cancelled_runs"),
    )


def _partial_index(name: str, table: str, *columns: str, where: str) -> None:
    predicate = sa.text(where)
    op.create_index(name, table, list(columns), postgresql_where=predicate, sqlite_where=predicate)
