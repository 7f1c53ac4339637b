"""Forgets executions of operations that are old, or too many."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from application.operations.upkeep import Tally
from infrastructure.sql.engine import Store
from infrastructure.sql.errors import store_errors
from infrastructure.sql.operations.operation_tables import maintenance_executions, operations
from infrastructure.sql.sweeping import Rows, first_id_of, sweep

_e, _o = maintenance_executions.c, operations.c


async def drop_old_executions(store: Store, keep: timedelta, most: int, tally: Tally) -> None:
    """All but the newest `most`, and those older than `keep`; the last one of each operation stays.

    Raises `StoreUnavailable`.
    """
    oldest = sa.select(_e.id).order_by(_e.id.desc()).offset(most - 1).limit(1)
    with store_errors():
        async with store.reader.connect() as connection:
            oldest_kept = (await connection.execute(oldest)).scalar()

    def may_go(before: datetime) -> sa.ColumnElement[bool]:
        too_old = _e.id < first_id_of(before)
        surplus = sa.or_(too_old, _e.id < oldest_kept) if oldest_kept is not None else too_old
        is_last = sa.exists().where(_o.execution_id == _e.id)
        return sa.and_(surplus, _e.ended_at.is_not(None), sa.not_(is_last))

    await sweep(store, Rows(table=maintenance_executions, key=[_e.id], may_go=may_go, dated=False), keep, tally)
