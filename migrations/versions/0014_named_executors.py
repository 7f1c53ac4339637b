"""Lanes whose tasks may go to one executor only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column, Integer, Text

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

KEY = ("tenant", "pool", "type", "handler", "requires")


def upgrade() -> None:
    if op.get_context().dialect.name == "postgresql":
        op.add_column("lanes", _executor())
        op.drop_constraint("uq_lanes_key", "lanes", type_="unique")
        op.create_unique_constraint("uq_lanes_key", "lanes", [*KEY, "executor"])
        return
    # SQLite can change a key only by writing the table anew.
    op.create_table(
        "lanes_with_executor",
        Column("id", Integer, nullable=False, autoincrement=True),
        *(Column(name, Text, nullable=False) for name in KEY),
        _executor(),
        sa.PrimaryKeyConstraint("id", name="pk_lanes"),
        sa.UniqueConstraint(*KEY, "executor", name="uq_lanes_key"),
    )
    columns = ", ".join(("id", *KEY))
    op.execute(f"INSERT INTO lanes_with_executor ({columns}) SELECT {columns} FROM lanes")
    op.drop_table("lanes")
    op.rename_table("lanes_with_executor", "lanes")


def _executor() -> Column[str]:
    return Column("executor", Text, nullable=False, server_default="")
