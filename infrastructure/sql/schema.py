"""The one catalogue of tables, and what all tables share."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Column, Index, MetaData, Text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def tenant() -> Column[str]:
    """Whose the row is."""
    return Column("tenant", Text, nullable=False, server_default="default")


def partial_index(name: str, *columns: Column[object], where: str, unique: bool = False) -> Index:
    """An index over some rows only. The predicate is literal text:

    a bound one would lose the index under a generic plan.
    """
    return Index(name, *columns, unique=unique, postgresql_where=sa.text(where), sqlite_where=sa.text(where))
