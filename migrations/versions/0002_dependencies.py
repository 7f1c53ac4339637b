"""The graph of dependencies."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy import BigInteger, Column, Text, Uuid

from infrastructure.sql.types import JsonText

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "dependents",
        Column("job_id", Uuid, nullable=False),
        Column("tenant", Text, nullable=False, server_default="default"),
        Column("document", JsonText, nullable=False),
        sa.PrimaryKeyConstraint("job_id", name="pk_dependents"),
    )
    op.create_index("ix_dependents_tenant", "dependents", ["tenant", "job_id"])
    op.create_table(
        "dependency_edges",
        Column("upstream_id", Uuid, nullable=False),
        Column("job_id", Uuid, nullable=False),
        sa.PrimaryKeyConstraint("upstream_id", "job_id", name="pk_dependency_edges"),
    )
    op.create_index("ix_dependency_edges_job", "dependency_edges", ["job_id", "upstream_id"])
    op.create_table(
        "dependency_graphs",
        Column("tenant", Text, nullable=False),
        Column("version", BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("tenant", name="pk_dependency_graphs"),
    )
