"""One transaction of a database, and what repositories run in it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from application.shared.unit_of_work import UnitOfWork
from domain.shared.aggregate import Aggregate
from domain.shared.events import DomainEvent
from infrastructure.sql.engine import DialectName, Store
from infrastructure.sql.errors import store_errors
from infrastructure.sql.outbox import encode_events
from infrastructure.sql.relation import Row, Statement
from infrastructure.sql.scheduling.tables import outbox
from infrastructure.sql.types import Instant

_NOW = sa.select(sa.func.now(type_=Instant))


class SqlUnitOfWork(UnitOfWork):
    """`async with` begins it. Every statement may raise `StoreUnavailable`, and so may entering and `commit`.

    `context` names the part of the platform whose events these are.
    """

    def __init__(self, store: Store, context: str) -> None:
        self._store, self._context = store, context
        self._events: list[DomainEvent] = []
        self._connection: AsyncConnection | None = None
        self._now: datetime | None = None

    @property
    def now(self) -> datetime:
        if self._now is None:
            raise RuntimeError("the unit of work has not begun")
        return self._now

    @property
    def dialect(self) -> DialectName:
        """Which of the two databases this is."""
        return self._store.dialect

    async def __aenter__(self) -> Self:
        with store_errors(self._store.refusals):
            connection = self._connection = await self._store.engine.connect()
            try:
                if self.dialect == "postgresql":
                    # The first statement, through SQLAlchemy: it opens the transaction for the driver's calls, too.
                    self._now = (await connection.execute(_NOW)).scalar_one()
                else:
                    await connection.begin()
                    self._now = self._store.clock.now()  # after the wait for the one writer
            except BaseException:
                await self._close()
                raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    def record(self, events: Sequence[DomainEvent]) -> None:
        self._events += events

    def release(self, aggregate: Aggregate) -> None:
        """Take the events of an aggregate that a repository has just saved, and count its new version."""
        self._events += aggregate.release_events()
        aggregate.version += 1

    async def commit(self) -> None:
        if self._events:
            events, self._events = self._events, []
            row = {"context": self._context, "at": self.now, "count": len(events), "events": encode_events(events)}
            await self.execute(sa.insert(outbox).values(row))
        with store_errors(self._store.refusals):
            await self.connection.commit()
        self._store.committed()

    @property
    def connection(self) -> AsyncConnection:
        """SQLAlchemy's connection, inside this transaction."""
        if self._connection is None:
            raise RuntimeError("the unit of work has not begun")
        return self._connection

    async def execute(
        self, statement: sa.Executable, parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None
    ) -> sa.CursorResult[Any]:
        """Run one Core statement."""
        with store_errors(self._store.refusals):
            return await self.connection.execute(statement, parameters)

    async def fetch(self, statement: Statement, **parameters: object) -> list[Row]:
        """Run a compiled statement on the driver's connection, in this transaction."""
        compiled = statement.on(self.dialect)
        arguments = compiled.arguments(parameters)
        with store_errors(self._store.refusals):
            if self.dialect == "postgresql":
                raw = await self.connection.get_raw_connection()
                driver: Any = raw.driver_connection
                return compiled.rows(await driver.fetch(compiled.text, *arguments))
            result = await self.connection.exec_driver_sql(compiled.text, tuple(arguments))
            return compiled.rows(result.all() if result.returns_rows else ())

    async def _close(self) -> None:
        """Give the connection back, undoing what was not committed, even if the caller is being cancelled."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with store_errors(self._store.refusals):
                await asyncio.shield(asyncio.ensure_future(connection.close()))
