"""Findings about schedules."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column, Text, Uuid

from infrastructure.sql.types import Instant

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "schedule_findings",
        Column("job_id", Uuid, nullable=False),
        Column("ailment", Text, nullable=False),
        Column("status", Text, nullable=False),
        Column("detail", Text, nullable=False),
        Column("mend", Text, nullable=False),
        Column("since", Instant, nullable=False),
        sa.PrimaryKeyConstraint("job_id", "ailment", name="pk_schedule_findings"),
    )
