"""INSERT … ON CONFLICT, which SQLAlchemy has in each dialect but not in common."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from infrastructure.sql.engine import DialectName


def insert(dialect: DialectName, table: sa.Table) -> postgresql.Insert | sqlite.Insert:
    """An insert that may say what happens on a conflict; both dialects spell it alike."""
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
