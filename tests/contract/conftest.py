"""A store of each kind, and units of work on it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from infrastructure.clock import SystemClock
from infrastructure.sql.engine import Store, open_store
from infrastructure.sql.scheduling.work import SqlSchedulingWork
from tests.contract.builders import TZDATA

Begin = Callable[[], SqlSchedulingWork]


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """An empty migrated store; each test that takes it runs on every kind."""
    store = open_store(store_url, SystemClock())
    yield store
    await store.dispose()


@pytest.fixture
def begin(store: Store) -> Begin:
    """Begins a unit of work on the store."""
    return lambda: SqlSchedulingWork(store, TZDATA)


@pytest.fixture
async def postgres_store(postgres_url: str) -> AsyncIterator[Store]:
    """For what only PostgreSQL has."""
    store = open_store(postgres_url, SystemClock())
    yield store
    await store.dispose()
