"""Several statements as one script, and the ways to run it: the script does not know which."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, Generator, Mapping
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import sqlalchemy as sa

from infrastructure.sql.engine import DialectName, HotPool, Store
from infrastructure.sql.errors import store_errors
from infrastructure.sql.relation import Row, Statement
from infrastructure.sql.types import Instant
from infrastructure.sql.unit_of_work import SqlUnitOfWork

Answer = TypeVar("Answer")
Parameters = Mapping[str, object]
Step = tuple[Statement, Parameters]
Script = Generator[Step, list[Row], Answer]
"""Yields a statement with its parameters, is given the rows, and so on; returns what came of it."""


def moment(dialect: DialectName) -> sa.ColumnElement[datetime]:
    """The time of the unit of work inside a statement; one that is its own unit takes the server's."""
    bound = sa.bindparam("b_now", type_=Instant)
    if dialect == "sqlite":
        return bound
    return sa.func.coalesce(bound, sa.func.statement_timestamp(type_=Instant), type_=Instant)


class ScriptRunner:
    """Runs scripts as units of work of their own. In SQLite each takes one hop to the thread of the connection."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def at_once(self, script: Script[Answer]) -> Answer:
        """For one statement, or for some that need not take effect together."""
        if self._store.hot is None:
            return await self._in_one_hop(script)
        return await _play(script, partial(_fetch, self._store.hot))

    async def in_transaction(self, script: Script[Answer]) -> Answer:
        """For statements that take effect together or not at all."""
        if self._store.hot is None:
            return await self._in_one_hop(script)
        async with SqlUnitOfWork(self._store, "scheduling") as work:
            answer = await run_in(work, script)
            await work.commit()
            return answer

    async def _in_one_hop(self, script: Script[Answer]) -> Answer:
        with store_errors(self._store.refusals):
            async with self._store.engine.connect() as connection:
                driver = (await connection.get_raw_connection()).driver_connection
                return await _in_its_thread(driver, partial(_transaction, script, self._store.clock.now))


async def run_in(work: SqlUnitOfWork, script: Script[Answer]) -> Answer:
    """Run a script in a unit of work that goes on."""

    async def fetch(statement: Statement, parameters: Parameters) -> list[Row]:
        return await work.fetch(statement, b_now=work.now, **parameters)

    return await _play(script, fetch)


async def _play(script: Script[Answer], fetch: Callable[[Statement, Parameters], Awaitable[list[Row]]]) -> Answer:
    try:
        step = next(script)
        while True:
            step = script.send(await fetch(*step))
    except StopIteration as end:
        answer: Answer = end.value
        return answer


async def _fetch(hot: HotPool, statement: Statement, parameters: Parameters) -> list[Row]:
    compiled = statement.on("postgresql")
    return compiled.rows(await hot.fetch(compiled.text, *compiled.arguments(parameters)))


async def _in_its_thread(driver: Any, unit: Callable[[sqlite3.Connection], Answer]) -> Answer:
    """Call `unit` where aiosqlite runs its connection: a hop for each statement costs more than the statement.

    aiosqlite has no public way to do so; this is the one place that goes behind it. A unit that has begun is finished
    even if the caller is cancelled.
    """
    answer: Answer = await driver._execute(unit, driver._conn)
    return answer


def _transaction(script: Script[Answer], clock: Callable[[], datetime], database: sqlite3.Connection) -> Answer:
    database.execute("BEGIN IMMEDIATE")
    try:
        answer = _play_here(script, clock(), database)
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise
    return answer


def _play_here(script: Script[Answer], now: datetime, database: sqlite3.Connection) -> Answer:
    try:
        statement, parameters = next(script)
        while True:
            compiled = statement.on("sqlite")
            cursor = database.execute(compiled.text, compiled.arguments({"b_now": now, **parameters}))
            statement, parameters = script.send(compiled.rows(cursor.fetchall()))
    except StopIteration as end:
        answer: Answer = end.value
        return answer
