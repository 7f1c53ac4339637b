"""How far the clocks of executors are from the database's."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("executors", sa.Column("clock_offset_ms", sa.BigInteger))
