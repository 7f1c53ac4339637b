"""Driver errors in the platform's words: a store that is away, and which constraint a row broke."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
import sqlalchemy as sa

from application.shared.errors import StoreUnavailable
from infrastructure.sql.refusals import Refusals

_AWAY = (
    OSError,  # refused, reset, unknown host; TimeoutError is one too
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,  # "connection is closed"
    asyncpg.CannotConnectNowError,  # starting or stopping
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InvalidCatalogNameError,  # no such database (yet)
    asyncpg.InvalidAuthorizationSpecificationError,  # no such user, or a password that was changed
    asyncpg.InsufficientResourcesError,  # its disk is full, it has no memory, or too many connections
    asyncpg.PostgresIOError,  # its disk fails
    asyncpg.ReadOnlySQLTransactionError,  # a replica, or a primary that was made one
)
_BUSY = (
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
)
_AWAY_SQLITE = frozenset({"SQLITE_CANTOPEN", "SQLITE_FULL", "SQLITE_NOTADB", "SQLITE_CORRUPT"})
_SQLITE_UNIQUE = re.compile(r"UNIQUE constraint failed: (?P<columns>.+)")


@contextmanager
def store_errors(refusals: Refusals | None = None) -> Iterator[None]:
    """Raise `StoreUnavailable` for whatever means that the store is away or did not answer in time.

    `refusals` hear of it where something was to be written.
    """
    try:
        yield
    except sa.exc.TimeoutError as error:
        raise StoreUnavailable("all connections are in use") from error
    except (OSError, sa.exc.DBAPIError, sqlite3.Error, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        if refusals is not None:
            refusals.note(driver_error(error))
        if why := _unavailable(error):
            raise StoreUnavailable(why) from error
        raise


def _unavailable(error: BaseException) -> str | None:
    cause = driver_error(error)
    if isinstance(cause, _BUSY):
        return f"too busy: {cause}"
    if isinstance(cause, _AWAY):
        return str(cause) or type(cause).__name__
    if isinstance(cause, sqlite3.Error):
        name = getattr(cause, "sqlite_errorname", "")
        if name in _AWAY_SQLITE or name.startswith(("SQLITE_IOERR", "SQLITE_READONLY")):
            return str(cause)
        return f"too busy: {cause}" if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")) else None
    return str(cause) if isinstance(error, sa.exc.DBAPIError) and error.connection_invalidated else None


def driver_error(error: BaseException) -> BaseException:
    """What the driver itself raised."""
    if isinstance(error, sa.exc.DBAPIError) and error.orig is not None:
        error = error.orig
        if not isinstance(error, sqlite3.Error) and error.__cause__ is not None:  # SQLAlchemy dresses asyncpg's up
            error = error.__cause__
    return error


def violated(error: BaseException, metadata: sa.MetaData) -> str | None:
    """The name of the unique constraint or index that a row broke; None if the error is another one.

    SQLite tells the columns only; `metadata` knows what it is called.
    """
    cause = driver_error(error)
    if isinstance(cause, asyncpg.UniqueViolationError):
        return str(cause.constraint_name)
    if isinstance(cause, sqlite3.IntegrityError) and (match := _SQLITE_UNIQUE.search(str(cause))):
        return _unique_over(match["columns"].split(", "), metadata)
    return None


def _unique_over(columns: list[str], metadata: sa.MetaData) -> str | None:
    table = metadata.tables[columns[0].partition(".")[0]]
    wanted = {column.partition(".")[2] for column in columns}
    keys: list[sa.Index | sa.UniqueConstraint | sa.PrimaryKeyConstraint] = [i for i in table.indexes if i.unique]
    keys += [c for c in table.constraints if isinstance(c, sa.UniqueConstraint | sa.PrimaryKeyConstraint)]
    return next((str(key.name) for key in keys if {c.name for c in key.columns} == wanted), None)
