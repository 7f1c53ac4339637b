"""The job type SQL: one statement on a database that the worker knows by name."""

from __future__ import annotations

import datetime as dt
import decimal
import uuid
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Protocol

import msgspec
from msgspec import Meta, Struct

from scheduler_sdk.errors import NonRetryable, TaskFailed
from scheduler_sdk.handlers.signature import INVALID_PARAMETERS

LARGEST_ROWS = 192 * 1024
"""Bytes of JSON that the rows of a result may have."""

_PLAIN = (
    str, int, float, bool, type(None), bytes, decimal.Decimal, uuid.UUID,
    dt.datetime, dt.date, dt.time, dt.timedelta,
)  # fmt: skip


class SqlStatement(Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """`parameters`: in the order of the statement's `?` (SQLite) or `$1`, `$2` (PostgreSQL).

    `event` is what made the job fire, if an event did; the statement knows nothing of it.
    """

    connection: str
    statement: Annotated[str, Meta(min_length=1)]
    parameters: list[Any] = []
    max_rows: Annotated[int, Meta(ge=0, le=10_000)] = 100
    timeout_seconds: Annotated[float, Meta(gt=0, le=86_400)] = 60.0
    event: Any = None


class SqlResult(Struct, rename="camel"):
    """`rowCount`: the rows that were changed, or that are in `rows`. `truncated`: there were more of them."""

    row_count: int
    columns: list[str]
    rows: list[list[Any]]
    truncated: bool


class Database(Protocol):
    """One database. Raises `TaskFailed`."""

    async def execute(self, statement: SqlStatement) -> SqlResult: ...


class SqlWork:
    """`databases`: the URL of each by the name by which jobs know it; it is never told to anybody.

    Raises `ValueError` for a URL of another database than SQLite and PostgreSQL, and `ImportError` without the driver.
    """

    def __init__(self, databases: Mapping[str, str]) -> None:
        self._databases = {name: _database(name, url) for name, url in databases.items()}

    async def run(self, statement: SqlStatement) -> SqlResult:
        """Raises `TaskFailed`: what the database says of the statement under its own code, as SQL_23505 or
        SQLITE_CONSTRAINT_UNIQUE; SQL_TIMEOUT, SQL_CONNECTION_FAILED, and SQL_CONNECTION_UNKNOWN.
        """
        database = self._databases.get(statement.connection)
        if database is None:
            known = ", ".join(sorted(self._databases))
            told = f"this worker has no connection {statement.connection!r}; it has: {known}"
            raise TaskFailed("SQL_CONNECTION_UNKNOWN", told)
        return await database.execute(statement)


def bounded_result(columns: Sequence[str], found: Sequence[Sequence[Any]], statement: SqlStatement) -> SqlResult:
    """As many of the rows as were asked for and fit; `found` has one more if there are more."""
    rows: list[list[Any]] = []
    size = 0
    for row in found[: statement.max_rows]:
        told = [value if isinstance(value, _PLAIN) else _told(value) for value in row]
        size += len(msgspec.json.encode(told))
        if size > LARGEST_ROWS:
            break
        rows.append(told)
    return SqlResult(len(rows), list(columns), rows, truncated=len(rows) < len(found))


def timed_out(statement: SqlStatement) -> TaskFailed:
    return TaskFailed("SQL_TIMEOUT", f"the statement took longer than {statement.timeout_seconds:g} s")


def refused(detail: object) -> TaskFailed:
    return NonRetryable(f"the parameters of the SQL task are not valid: {detail}", code=INVALID_PARAMETERS)


def _told(value: Any) -> Any:
    """What JSON has no word for, as text."""
    return [_told(each) for each in value] if isinstance(value, list) else str(value)


def _database(name: str, url: str) -> Database:
    scheme, _, rest = url.partition(":")
    scheme = scheme.partition("+")[0]  # without a driver, as others name one
    if scheme == "sqlite":
        from scheduler_sdk.job_types.sqlite import SqliteDatabase

        return SqliteDatabase(url)
    if scheme in ("postgresql", "postgres"):
        try:
            from scheduler_sdk.job_types.postgresql import PostgresqlDatabase
        except ImportError:
            told = f"the connection {name!r} needs asyncpg: pip install 'platform-scheduler-sdk[sql]'"
            raise ImportError(told) from None
        return PostgresqlDatabase(f"{scheme}:{rest}")
    raise ValueError(f"the connection {name!r} must begin with sqlite:/// or postgresql://, not with {scheme!r}")
