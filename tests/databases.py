"""A migrated database of its own for every test, copied from a template that the product's own migrations made."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import asyncpg
from sqlalchemy import make_url

PREFIX = "scheduler_test"


@dataclass(frozen=True)
class PostgresDatabases:
    """Makes databases on one server, for one session of tests."""

    server_url: str
    _runner: asyncio.Runner
    _admin: asyncpg.Connection
    _session: str = field(default_factory=lambda: f"{PREFIX}_{secrets.token_hex(4)}")
    _numbers: Iterator[int] = field(default_factory=count)

    @classmethod
    @contextlib.contextmanager
    def on(cls, server_url: str) -> Iterator[PostgresDatabases]:
        """A loop of its own: nothing here may depend on, or disturb, the loops of the tests."""
        with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
            admin = runner.run(asyncpg.connect(server_url))
            try:
                yield cls(server_url, runner, admin)
            finally:
                runner.run(admin.close())

    @contextlib.contextmanager
    def database(self, template: str | None = None) -> Iterator[str]:
        """The name of a new database, a copy of `template` if one is given; dropped with the block."""
        name = f"{self._session}_{next(self._numbers)}"
        copied = f" template {template}{self._fastest_copy}" if template else ""
        self._execute(f"create database {name}{copied}")
        try:
            yield name
        finally:
            self._execute(f"drop database {name} with (force)")

    def url(self, database: str) -> str:
        """The address of a database, as the product takes it."""
        url = make_url(self.server_url).set(drivername="postgresql+asyncpg", database=database)
        return url.render_as_string(hide_password=False)

    @property
    def _fastest_copy(self) -> str:
        """Copying files takes half the time of writing the copy to the log, which PostgreSQL 15 made the default."""
        return " strategy file_copy" if self._admin.get_server_version().major >= 15 else ""

    def _execute(self, statement: str) -> None:
        self._runner.run(self._admin.execute(statement))


def sqlite_url(file: Path) -> str:
    """The address of a SQLite file, as the product takes it."""
    return f"sqlite+aiosqlite:///{file.absolute()}"


def copy_sqlite(template: Path, file: Path) -> None:
    """Copy a closed database. Raises AssertionError if the template is still open: its log would be left behind."""
    log = template.with_name(f"{template.name}-wal")
    assert not log.exists() or log.stat().st_size == 0, f"{template} is still in use"
    shutil.copyfile(template, file)
