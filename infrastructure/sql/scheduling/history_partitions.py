"""The history of tasks in PostgreSQL: one partition for each day that a task ended (UTC), made ahead of time."""

from __future__ import annotations

import logging
from datetime import date, timedelta

import asyncpg
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from infrastructure.sql.engine import Store
from infrastructure.sql.errors import driver_error, store_errors
from infrastructure.sql.scheduling.task_tables import TASK_COLUMNS

log = logging.getLogger(__name__)

DAYS_AHEAD = 7
_DAY = timedelta(days=1)

_PATIENCE = sa.text("SET LOCAL lock_timeout = '2s'")  # whoever waits for this lock has everybody else wait behind it
ONE_AT_A_TIME = sa.text("SELECT pg_advisory_xact_lock(hashtext('scheduler partitions'))")
_TODAY = sa.text("SELECT (now() AT TIME ZONE 'UTC')::date")
PRESENT = sa.text("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'task_history'::regclass")
_CLOSE_DEFAULT = sa.text("LOCK TABLE task_history_default IN ACCESS EXCLUSIVE MODE")


async def keep_partitions_ahead(store: Store, days: int = DAYS_AHEAD) -> list[date]:
    """Make the partitions of today and the next `days` days where they are missing; the days made.

    To be called at the start and once a day. What ends on a day without a partition goes to the default one and is
    moved from there. If a long query holds the history, nothing is made this time. SQLite has no partitions.
    Raises `StoreUnavailable`.
    """
    if store.dialect == "sqlite":
        return []
    try:
        with store_errors(store.refusals):
            async with store.engine.begin() as connection:
                return await _make_missing(connection, days)
    except Exception as error:
        if not isinstance(driver_error(error.__cause__ or error), asyncpg.LockNotAvailableError):
            raise
        log.warning("the partitions of the task history were not made: a query holds it; the next call tries again")
        return []


async def _make_missing(connection: AsyncConnection, days: int) -> list[date]:
    await connection.execute(ONE_AT_A_TIME)
    today: date = (await connection.execute(_TODAY)).scalar_one()
    present = set((await connection.execute(PRESENT)).scalars())
    wanted = [today + n * _DAY for n in range(days + 1)]
    missing = [day for day in wanted if _partition(day) not in present]
    if missing:
        await connection.execute(_PATIENCE)
        await connection.execute(_CLOSE_DEFAULT)
    for day in missing:
        await _make(connection, day)
    return missing


async def _make(connection: AsyncConnection, day: date) -> None:
    """Attached, not created in place: that would lock the whole history."""
    name, columns = _partition(day), ", ".join(TASK_COLUMNS)
    begin, end = f"'{day} 00:00:00+00'", f"'{day + _DAY} 00:00:00+00'"
    early = f"DELETE FROM task_history_default WHERE ended_at >= {begin} AND ended_at < {end} RETURNING {columns}"
    for statement in (
        f"CREATE TABLE {name} (LIKE task_history INCLUDING DEFAULTS)",
        f"WITH early AS ({early}) INSERT INTO {name} ({columns}) SELECT {columns} FROM early",
        f"ALTER TABLE task_history ATTACH PARTITION {name} FOR VALUES FROM ({begin}) TO ({end})",
    ):
        await connection.exec_driver_sql(statement)


def _partition(day: date) -> str:
    return f"task_history_{day:%Y%m%d}"


def day_of(name: str) -> date | None:
    """The day whose tasks a partition holds; None for the default one."""
    day = name.removeprefix("task_history_")
    return date.fromisoformat(day) if day.isdecimal() else None
