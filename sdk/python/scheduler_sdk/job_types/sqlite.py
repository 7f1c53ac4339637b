"""Statements on a SQLite file, each in a thread and on a connection of its own."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from urllib.parse import quote

from scheduler_sdk.errors import TaskFailed
from scheduler_sdk.execution.threads import in_thread
from scheduler_sdk.job_types.sql import Database, SqlResult, SqlStatement, bounded_result, refused, timed_out


class SqliteDatabase(Database):
    """`sqlite:///relative/path` or `sqlite:////absolute/path`, of a file that exists."""

    def __init__(self, url: str) -> None:
        path = url.removeprefix("sqlite:///")
        if path == url or not path:
            raise ValueError("the URL of a SQLite database is sqlite:///PATH, with four slashes for an absolute path")
        self._file = f"file:{quote(path)}?mode=rw"

    async def execute(self, statement: SqlStatement) -> SqlResult:
        """When it is told to stop, or takes too long, the statement is interrupted and undone."""
        begun: list[sqlite3.Connection] = []
        running = in_thread(lambda: self._execute(statement, begun), "sql")
        try:
            await asyncio.wait([running], timeout=statement.timeout_seconds)
            is_late = not running.done()
        finally:
            if not running.done():
                for connection in begun:
                    connection.interrupt()
                await asyncio.wait([running])
        if is_late:
            raise timed_out(statement)
        outcome = running.result()
        if isinstance(outcome, TaskFailed):
            raise outcome
        return outcome

    def _execute(self, statement: SqlStatement, begun: list[sqlite3.Connection]) -> SqlResult | TaskFailed:
        try:
            connection = sqlite3.connect(
                self._file, uri=True, timeout=statement.timeout_seconds, check_same_thread=False
            )
        except sqlite3.Error as error:
            return TaskFailed("SQL_CONNECTION_FAILED", str(error))
        begun.append(connection)
        with closing(connection):
            try:
                with connection:
                    cursor = connection.execute(statement.statement, statement.parameters)
                    if cursor.description is None:
                        return SqlResult(max(cursor.rowcount, 0), [], [], truncated=False)
                    found = cursor.fetchmany(statement.max_rows + 1)
                    cursor.close()
                    return bounded_result([column[0] for column in cursor.description or ()], found, statement)
            except (sqlite3.ProgrammingError, sqlite3.InterfaceError, OverflowError) as error:
                return refused(error)
            except sqlite3.Error as error:
                return TaskFailed(getattr(error, "sqlite_errorname", "SQLITE_ERROR"), str(error))
