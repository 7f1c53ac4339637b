"""Statements on PostgreSQL, each in a transaction and on a connection of its own."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg

from scheduler_sdk.errors import TaskFailed
from scheduler_sdk.job_types.sql import Database, SqlResult, SqlStatement, bounded_result, refused, timed_out

CONNECT_WITHIN = 10.0


class PostgresqlDatabase(Database):
    """`postgresql://user:password@host:port/database`, as libpq knows it."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def execute(self, statement: SqlStatement) -> SqlResult:
        """When it is told to stop, or takes too long, the statement is cancelled and undone."""
        try:
            connection = await asyncpg.connect(self._url, timeout=CONNECT_WITHIN)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise TaskFailed("SQL_CONNECTION_FAILED", str(error) or type(error).__name__) from None
        try:
            async with asyncio.timeout(statement.timeout_seconds), connection.transaction():
                return await _run(connection, statement)
        except TimeoutError:
            raise timed_out(statement) from None
        except asyncpg.DataError as error:
            raise refused(error) from None
        except asyncpg.PostgresError as error:
            raise TaskFailed(f"SQL_{error.sqlstate}", str(error)) from None
        except asyncpg.InterfaceError as error:
            raise refused(error) from None
        except OSError as error:
            raise TaskFailed("SQL_CONNECTION_FAILED", str(error)) from None
        finally:
            connection.terminate()


async def _run(connection: Any, statement: SqlStatement) -> SqlResult:
    prepared = await connection.prepare(statement.statement)
    columns = [attribute.name for attribute in prepared.get_attributes()]
    if not columns:
        await prepared.fetch(*statement.parameters)
        count = prepared.get_statusmsg().rpartition(" ")[2]  # "UPDATE 3", "CREATE TABLE"
        return SqlResult(int(count) if count.isdecimal() else 0, [], [], truncated=False)
    cursor = await prepared.cursor(*statement.parameters)
    found = await cursor.fetch(statement.max_rows + 1)
    return bounded_result(columns, [tuple(row) for row in found], statement)
