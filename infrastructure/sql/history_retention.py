"""Drops tasks that ended long ago; in PostgreSQL also their partitions, once next to nothing is left in them."""

from __future__ import annotations

import logging
from datetime import date, datetime, timedelta
from typing import Final

import asyncpg
import sqlalchemy as sa

from application.operations.upkeep import Tally
from infrastructure.sql.engine import Store
from infrastructure.sql.errors import driver_error, store_errors
from infrastructure.sql.scheduling.history_partitions import ONE_AT_A_TIME, PRESENT, day_of
from infrastructure.sql.scheduling.retention import history_in
from infrastructure.sql.scheduling.task_tables import TASK_COLUMNS, task_history
from infrastructure.sql.sweeping import sweep

log = logging.getLogger(__name__)

DEFAULT_PARTITION: Final = "task_history_default"

FEW: Final = 500
"""The latest tasks of jobs that seldom run keep no partition: so many move to the default one in some milliseconds."""

_PATIENCE: Final = sa.text("SET LOCAL lock_timeout = '100ms'")
"""Behind whoever waits for this lock everybody waits who reports: rather tried again an hour later."""

_DAY: Final = timedelta(days=1)
_TODAY: Final = sa.text("SELECT now()")


async def drop_old_history(store: Store, keep: timedelta, tally: Tally) -> None:
    """The latest tasks of each job stay, however old. Raises `StoreUnavailable`."""
    if store.dialect == "sqlite":
        await sweep(store, history_in(task_history), keep, tally)
        return
    await sweep(store, history_in(_partition(DEFAULT_PARTITION)), keep, tally)
    for name in await _past(store, keep):
        await sweep(store, history_in(_partition(name)), keep, tally)
        await _dissolve(store, name)


async def _past(store: Store, keep: timedelta) -> list[str]:
    """The partitions of days that are over for so long, the oldest first."""
    with store_errors():
        async with store.reader.connect() as connection:
            now: datetime = (await connection.execute(_TODAY)).scalar_one()
            names = (await connection.execute(PRESENT)).scalars().all()
    last: date = (now - keep).date() - _DAY
    days = {name: day_of(name) for name in names}
    return sorted(name for name, day in days.items() if day is not None and day <= last)


async def _dissolve(store: Store, name: str) -> bool:
    columns = ", ".join(TASK_COLUMNS)
    try:
        with store_errors():
            async with store.engine.begin() as connection:
                await connection.execute(ONE_AT_A_TIME)
                left = sa.text(f"SELECT count(*) FROM (SELECT 1 FROM {name} LIMIT {FEW + 1}) AS first_few")
                if (await connection.execute(left)).scalar_one() > FEW:
                    return False
                await connection.execute(_PATIENCE)
                for statement in (
                    f"ALTER TABLE task_history DETACH PARTITION {name}",
                    f"INSERT INTO {DEFAULT_PARTITION} ({columns}) SELECT {columns} FROM {name}",
                    f"DROP TABLE {name}",
                ):
                    await connection.exec_driver_sql(statement)
    except Exception as error:
        if not isinstance(driver_error(error.__cause__ or error), asyncpg.LockNotAvailableError):
            raise
        log.info("the partition %s is in use; it is dropped another time", name)
        return False
    return True


def _partition(name: str) -> sa.Table:
    return task_history.to_metadata(sa.MetaData(), name=name)
