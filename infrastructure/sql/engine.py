"""The connections to one database: PostgreSQL on a server, or a SQLite file."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import asyncpg
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from application.shared.clock import Clock
from infrastructure.sql.errors import store_errors
from infrastructure.sql.limits import Limits
from infrastructure.sql.refusals import Refusals

DialectName = Literal["postgresql", "sqlite"]

CONNECT_SECONDS = 10
WRITE_AHEAD_TRIES = 50
PLANNED_ONCE = {
    "plan_cache_mode": "force_generic_plan",
    # Tables of a queue are often empty, and then reading all of them looks cheapest. A plan made in such a moment is
    # kept when the next burst comes. Every statement that writes has an index to use.
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "jit": "off",
}
READ_ONLY = {"default_transaction_read_only": "on", "jit": "off"}
USUAL = Limits()
POOL = {"max_overflow": 0, "pool_timeout": CONNECT_SECONDS, "pool_pre_ping": True, "pool_use_lifo": True}


class Store:
    """One database. `engine` writes, `reader` reads what is committed, `hot` runs units of a single statement.

    In SQLite one connection writes, so that nobody ever meets a locked database: writers queue for it here, and there
    is no `hot`. In PostgreSQL those who read, with ever different filters, have each statement planned for what it
    asks; those who write repeat the same few, planned once.
    """

    def __init__(self, url: str, clock: Clock, limits: Limits) -> None:
        self.url = address_of(url)
        self.clock = clock
        self.dialect = dialect_of(self.url)
        self.refusals = Refusals(clock)
        self.hot: HotPool | None = None
        self.committed: Callable[[], None] = lambda: None  # called after commits that may have written events
        if self.dialect == "postgresql":
            self.engine = _postgres(self.url, PLANNED_ONCE, limits, pool_size=limits.pool_size, **POOL)
            self.reader = _postgres(self.url, READ_ONLY, limits, pool_size=limits.read_pool_size, **POOL)
            self.hot = HotPool(self.url, limits, self.refusals)
        else:
            self.engine = _sqlite(self.url, read_only=False)
            self.reader = _sqlite(self.url, read_only=True)

    async def dispose(self) -> None:
        """Close every connection. The store may be used again; it connects anew."""
        if self.hot:
            await self.hot.close()
        await self.reader.dispose()
        await self.engine.dispose()


def open_store(url: str, clock: Clock, limits: Limits = USUAL) -> Store:
    """The store at `postgresql://…` or `sqlite:///FILE`. Nothing connects before it is used."""
    return Store(url, clock, limits)


def address_of(url: str) -> sa.URL:
    """The parts of an address. Raises `ValueError` for a text that is none, without it: it may hold a password."""
    try:
        return sa.make_url(url)
    except sa.exc.ArgumentError:
        raise ValueError("The database's address cannot be read. Write postgresql://… or sqlite:///FILE.") from None


def dialect_of(url: sa.URL) -> DialectName:
    """Which of the two databases an address means. Raises `ValueError` for any other."""
    backend = url.get_backend_name()
    if backend in ("postgresql", "postgres"):
        return "postgresql"
    if backend == "sqlite" and url.database and url.database != ":memory:":
        return "sqlite"
    raise ValueError(f"{url.render_as_string()} is neither postgresql://… nor sqlite:///FILE.")


def migration_engine(url: sa.URL) -> AsyncEngine:
    """One connection at a time, without limits of time: changing a schema may take long."""
    if dialect_of(url) == "sqlite":
        return _sqlite(url, read_only=False)
    return _postgres(url, {}, None, poolclass=NullPool)


class HotPool:
    """Connections of the driver alone, for units of work that are one statement: it is its own transaction."""

    def __init__(self, url: sa.URL, limits: Limits, refusals: Refusals) -> None:
        self._dsn, self._limits, self._refusals = _dsn(url), limits, refusals
        self._pool: asyncpg.Pool | None = None
        self._opening = asyncio.Lock()

    async def fetch(self, text: str, *arguments: object) -> list[asyncpg.Record]:
        """Run one statement in a transaction of its own. JSON comes and goes as text.

        Raises `StoreUnavailable`.
        """
        with store_errors(self._refusals):
            pool = self._pool or await self._open()
            rows: list[asyncpg.Record] = await pool.fetch(text, *arguments)
            return rows

    async def close(self) -> None:
        """Close the connections; the next statement opens new ones."""
        pool, self._pool = self._pool, None
        if pool:
            await pool.close()

    async def _open(self) -> asyncpg.Pool:
        async with self._opening:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    self._dsn,
                    min_size=0,
                    max_size=self._limits.hot_pool_size,
                    timeout=CONNECT_SECONDS,
                    command_timeout=self._limits.answer_seconds,
                    max_cached_statement_lifetime=0,
                    init=_json_is_text,
                    reset=_keep,
                    server_settings={**self._limits.settings, **PLANNED_ONCE, "application_name": "scheduler"},
                )
            return self._pool


async def _json_is_text(connection: asyncpg.Connection) -> None:
    await connection.set_type_codec(
        "json", schema="pg_catalog", encoder=str.encode, decoder=bytes.decode, format="binary"
    )


async def _keep(connection: asyncpg.Connection) -> None:
    """A connection that ran single statements has nothing to reset, and resetting is a round trip."""


def _dsn(url: sa.URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def _postgres(url: sa.URL, settings: Mapping[str, str], limits: Limits | None, **options: Any) -> AsyncEngine:
    dsn = _dsn(url)
    bounds = {} if limits is None else limits.settings

    async def connect(*_: object, **__: object) -> asyncpg.Connection:
        # By address, as for the hot pool: one spelling of hosts, TLS and the rest (`?sslmode=…`) serves both.
        return await asyncpg.connect(
            dsn,
            timeout=CONNECT_SECONDS,
            command_timeout=None if limits is None else limits.answer_seconds,
            max_cached_statement_lifetime=0,  # prepared for good: what runs once an hour is as quick as the rest
            server_settings={**bounds, **settings, "application_name": "scheduler"},
        )

    return create_async_engine(
        "postgresql+asyncpg://",
        async_creator=connect,
        json_deserializer=str,
        hide_parameters=True,  # errors are logged, and what jobs are given may be secret
        **options,
    )


def _sqlite(url: sa.URL, *, read_only: bool) -> AsyncEngine:
    engine = create_async_engine(
        url.set(drivername="sqlite+aiosqlite"),
        pool_size=4 if read_only else 1,
        max_overflow=0,
        pool_timeout=30,
        connect_args={"timeout": 30},
        hide_parameters=True,
    )
    pragmas: Sequence[str] = (
        "synchronous=FULL",  # NORMAL may lose the last commits with the power, and a fire could double
        "foreign_keys=ON",
        "busy_timeout=30000",
        *(("query_only=ON",) if read_only else ()),
    )

    @event.listens_for(engine.sync_engine, "do_connect")
    def probe(_dialect: object, _record: object, arguments: list[str], options: dict[str, Any]) -> None:
        # If the driver fails to open a file, its thread lives on and complains when the event loop is gone.
        sqlite3.connect(arguments[0], uri=options.get("uri", False)).close()

    @event.listens_for(engine.sync_engine, "connect")
    def configure(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver's own implicit BEGIN is off, see `begin`
        cursor = connection.cursor()
        _write_ahead(cursor)
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: sa.Connection) -> None:
        # A transaction that reads first and writes later would be refused at once, whatever the busy timeout.
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


def _write_ahead(cursor: Any) -> None:
    """Turn on the write-ahead log. While another first connection does so, SQLite refuses, busy timeout or not."""
    for tries_left in reversed(range(WRITE_AHEAD_TRIES)):
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError:
            if not tries_left:
                raise
            time.sleep(0.02)
