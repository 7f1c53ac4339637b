"""Changes of jobs that take effect at an instant to come."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from infrastructure.sql.types import Instant, JsonText

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("coming_at", Instant))
    op.add_column("jobs", sa.Column("coming_spec", JsonText))
    op.add_column("jobs", sa.Column("coming_by", sa.Text))
    op.add_column("schedules", sa.Column("changes_at", Instant))
