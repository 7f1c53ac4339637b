"""Forgets that runs were cancelled of which nothing is kept any more."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa

from infrastructure.sql.engine import Store
from infrastructure.sql.scheduling.dependency_tables import cancelled_runs
from infrastructure.sql.scheduling.task_tables import task_history, tasks
from infrastructure.sql.unit_of_work import SqlUnitOfWork

BATCH: Final = 500
"""Rows of one transaction."""

MARGIN: Final = timedelta(days=1)
"""Nobody who judges a run that was cancelled just now finds out of nothing that it was."""

_c = cancelled_runs.c


async def forget_cancelled_runs(store: Store) -> int:
    """How many were forgotten: those of which neither the root nor any other task is kept. Raises `StoreUnavailable`.

    What is looked through goes by the runs' ids, which rise with time, so that each is looked at once.
    """
    forgotten, after = 0, None
    while True:
        async with SqlUnitOfWork(store, "scheduling") as work:
            old = sa.select(_c.run_id).where(_c.at < work.now - MARGIN)
            some = (old if after is None else old.where(_c.run_id > after)).order_by(_c.run_id).limit(BATCH)
            ids = list((await work.execute(some)).scalars())
            kept = [_kept(table) for table in (tasks, task_history)]
            gone = sa.delete(cancelled_runs).where(_c.run_id.in_(ids), ~sa.or_(*kept))
            forgotten += (await work.execute(gone)).rowcount if ids else 0
            await work.commit()
        if len(ids) < BATCH:
            return forgotten
        after = ids[-1]


def _kept(table: sa.Table) -> sa.ColumnElement[bool]:
    """The root has the run's number; the index of runs holds all others."""
    c: Any = table.c
    root = sa.exists().where(c.id == _c.run_id)
    return sa.or_(root, sa.exists().where(c.run_id == _c.run_id, c.id != c.run_id))
