"""Fixtures of every test: real servers once a session, an empty migrated database for each test.

Everything up to an address is synchronous, so that it serves tests and fixtures of any event loop.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from itertools import count
from pathlib import Path

import hypothesis
import pytest

from tests import services
from tests.databases import PostgresDatabases, copy_sqlite
from tests.databases import sqlite_url as url_of_sqlite
from tests.processes import scratch

# No deadline: how long an example takes says how busy the machine is, not whether the rule holds.
hypothesis.settings.register_profile("default", deadline=None, print_blob=True)
hypothesis.settings.load_profile("default")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[services.Service]:
    """A running PostgreSQL; skips the test if there is none, but fails it where `CI` is set."""
    with ExitStack() as stack:
        yield _required(stack, services.postgres())


@pytest.fixture(scope="session")
def redis_server() -> Iterator[services.Service]:
    """A running Redis; skips the test if there is none, but fails it where `CI` is set."""
    with ExitStack() as stack:
        yield _required(stack, services.redis())


def _required(stack: ExitStack, service: AbstractContextManager[services.Service]) -> services.Service:
    try:
        return stack.enter_context(service)
    except services.Unavailable as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def postgres_databases(postgres_server: services.Service) -> Iterator[PostgresDatabases]:
    with PostgresDatabases.on(postgres_server.url) as databases:
        yield databases


@pytest.fixture(scope="session")
def postgres_template(postgres_databases: PostgresDatabases) -> Iterator[str]:
    """The name of a migrated database that nobody is connected to."""
    with postgres_databases.database() as name:
        _migrate(postgres_databases.url(name))
        yield name


@pytest.fixture
def postgres_url(postgres_databases: PostgresDatabases, postgres_template: str) -> Iterator[str]:
    """The address of an empty migrated PostgreSQL database, of this test alone."""
    with postgres_databases.database(template=postgres_template) as name:
        yield postgres_databases.url(name)


@pytest.fixture(scope="session")
def sqlite_room() -> Iterator[Path]:
    """A directory in memory if there is one: a commit then waits for no disk."""
    with scratch("sqlite") as room:
        yield room


@pytest.fixture(scope="session")
def sqlite_template(sqlite_room: Path) -> Path:
    template = sqlite_room / "template.sqlite"
    _migrate(url_of_sqlite(template))
    return template


_NUMBERS = count()


@pytest.fixture
def sqlite_url(sqlite_room: Path, sqlite_template: Path) -> Iterator[str]:
    """The address of an empty migrated SQLite file, of this test alone."""
    file = sqlite_room / f"{next(_NUMBERS)}.sqlite"
    copy_sqlite(sqlite_template, file)
    yield url_of_sqlite(file)
    for remains in sqlite_room.glob(f"{file.name}*"):
        remains.unlink()


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest) -> str:
    """The address of an empty migrated store: a test that takes it runs on both."""
    fixture = {"sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param]
    url: str = request.getfixturevalue(fixture)
    return url


def _migrate(url: str) -> None:
    from infrastructure.sql.migrations import upgrade  # a test without a store loads no SQL

    upgrade(url)
