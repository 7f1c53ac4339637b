"""Single fires that somebody does not want, kept with the schedule that will pass over them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from infrastructure.sql.types import JsonText

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("schedules", sa.Column("skips", JsonText))
