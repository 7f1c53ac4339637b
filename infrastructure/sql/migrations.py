"""The schema of a database: bring it to this version's, say which one it has, refuse one that does not fit."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.ext.asyncio import AsyncConnection

import migrations
from infrastructure.sql.catalogue import catalogue
from infrastructure.sql.engine import Store, address_of, dialect_of, migration_engine
from infrastructure.sql.errors import driver_error, store_errors

Answer = TypeVar("Answer")


class DatabaseRefused(Exception):
    """The database cannot be used as it is; the message says why in a sentence."""


class ForeignDatabase(DatabaseRefused):
    """The database has tables of another program, by names that the platform's have."""

    def __init__(self, database: str, table: str) -> None:
        super().__init__(
            f"The database {database} has a table {table!r} that is not the platform's: it belongs to another program."
            " Choose another database or data directory."
        )


class SchemaMismatch(DatabaseRefused):
    """The database has a schema that this version of the platform cannot work with; the message says what to run."""

    def __init__(self, present: str, wanted: str) -> None:
        if not present:
            text = "The database has no schema yet. Run: scheduler db upgrade"
        elif present in _known():
            text = f"The database has schema {present}; this version needs {wanted}. Run: scheduler db upgrade"
        else:
            text = (
                f"The database has schema {present}, which this version (schema {wanted}) does not know: a newer one"
                " has upgraded it. Start that version, or a later one."
            )
        super().__init__(text)
        self.present, self.wanted = present, wanted


def head() -> str:
    """The schema that this version works with."""
    return _scripts().get_current_head() or ""


def upgrade(url: str) -> None:
    """Bring the database to `head()`. Two processes that try at once take turns. Raises `StoreUnavailable`.

    For callers outside an event loop; inside one there is `upgrade_async`.
    """
    _run(url, lambda connection: connection.run_sync(_upgrade, address_of(url)))


def current(url: str) -> str:
    """The schema that the database has; empty if it has none. A file that does not exist is not made."""
    address = address_of(url)
    file = Path(address.database or "")
    if address.get_backend_name() == "sqlite" and file.parent.exists() and not file.exists():
        return ""
    return _run(url, lambda connection: connection.run_sync(_current))


def sql(url: str) -> str:
    """The statements that make an empty database of this kind one with schema `head()`; nothing connects."""
    text = io.StringIO()
    config = _config(output_buffer=text)
    config.attributes["dialect"] = dialect_of(address_of(url))
    command.upgrade(config, "head", sql=True)
    return text.getvalue()


async def upgrade_async(store: Store) -> None:
    """`upgrade` inside a running event loop."""
    await _with_connection(store.url, lambda connection: connection.run_sync(_upgrade, store.url))


async def check_revision(store: Store) -> None:
    """Raises `SchemaMismatch` if this version cannot work with the database as it is."""
    with store_errors():
        async with store.reader.connect() as connection:
            present = await connection.run_sync(_current)
    if present != head():
        raise SchemaMismatch(present, head())


def _run(url: str, work: Callable[[AsyncConnection], Awaitable[Answer]]) -> Answer:
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:  # never the caller's loop
        return runner.run(_with_connection(address_of(url), work))


async def _with_connection(url: sa.URL, work: Callable[[AsyncConnection], Awaitable[Answer]]) -> Answer:
    engine = migration_engine(url)
    try:
        with store_errors():
            async with engine.begin() as connection:
                return await work(connection)
    except sa.exc.DBAPIError as error:
        raise DatabaseRefused(f"The database {_called(url)} refused the schema: {driver_error(error)}.") from error
    finally:
        await engine.dispose()


def _upgrade(connection: sa.Connection, url: sa.URL) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext('scheduler schema'))"))
    present = _current(connection)
    if present and present not in _known():
        raise SchemaMismatch(present, head())
    if not present and (taken := sorted(catalogue.tables.keys() & sa.inspect(connection).get_table_names())):
        raise ForeignDatabase(_called(url), taken[0])
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _called(url: sa.URL) -> str:
    """For people: the file, or the address without its password."""
    if url.get_backend_name() == "sqlite":
        return url.database or "in memory"
    return url.render_as_string(hide_password=True)


def _current(connection: sa.Connection) -> str:
    return MigrationContext.configure(connection).get_current_revision() or ""


def is_known(revision: str) -> bool:
    """Whether this version knows the way from this schema to its own."""
    return revision in _known()


def _known() -> set[str]:
    return {script.revision for script in _scripts().walk_revisions()}


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _config(output_buffer: io.StringIO | None = None) -> Config:
    """Alembic without an ini file: the scripts lie in the installed package."""
    config = Config(output_buffer=output_buffer)
    place = str(Path(migrations.__file__).parent)
    config.set_main_option("script_location", place.replace("%", "%%"))
    return config
