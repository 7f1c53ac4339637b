"""The schema that migrations make is the one the code works with; a database that does not fit is refused."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from application.shared.errors import StoreUnavailable
from infrastructure.clock import SystemClock
from infrastructure.sql import migrations
from infrastructure.sql.catalogue import catalogue
from infrastructure.sql.engine import Store, open_store
from infrastructure.sql.migrations import DatabaseRefused, ForeignDatabase, SchemaMismatch, check_revision
from infrastructure.sql.scheduling.history_partitions import DAYS_AHEAD, keep_partitions_ahead
from infrastructure.sql.scheduling.task_tables import task_history, task_tokens
from tests.databases import PostgresDatabases
from tests.databases import sqlite_url as url_of_sqlite
from tests.processes import free_port

ONLY_BY_MIGRATIONS = {"alembic_version", "task_history_default", "sqlite_sequence"}


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without a schema."""
    if request.param == "sqlite":
        yield url_of_sqlite(tmp_path / "empty.sqlite")
        return
    databases: PostgresDatabases = request.getfixturevalue("postgres_databases")
    with databases.database() as name:
        yield databases.url(name)


@pytest.fixture
def migrated_url(request: pytest.FixtureRequest, empty_url: str) -> str:
    """A database of the same kind with a schema."""
    url: str = request.getfixturevalue("sqlite_url" if empty_url.startswith("sqlite") else "postgres_url")
    return url


on_postgresql = pytest.mark.parametrize("empty_url", ["postgresql"], indirect=True)


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Store]:
    store = open_store(url, SystemClock())
    try:
        yield store
    finally:
        await store.dispose()


def test_upgrading_twice_is_upgrading_once(empty_url: str) -> None:
    assert migrations.current(empty_url) == ""
    migrations.upgrade(empty_url)
    migrations.upgrade(empty_url)
    assert migrations.current(empty_url) == migrations.head()


async def test_a_running_platform_can_migrate_itself(empty_url: str) -> None:
    async with opened(empty_url) as store:
        await migrations.upgrade_async(store)
        await check_revision(store)


async def test_two_that_upgrade_at_once_take_turns(empty_url: str) -> None:
    async with opened(empty_url) as one, opened(empty_url) as other:
        await asyncio.gather(*(migrations.upgrade_async(store) for store in (one, other, one)))
        await check_revision(one)


async def test_the_migrated_schema_is_that_of_the_tables_in_the_code(empty_url: str, migrated_url: str) -> None:
    async with opened(empty_url) as declared, opened(migrated_url) as migrated:
        async with declared.engine.begin() as connection:
            only_sqlite = {task_tokens} if declared.dialect == "postgresql" else set()
            await connection.run_sync(_create, [t for t in catalogue.sorted_tables if t not in only_sqlite])
        assert await _described(migrated) == await _described(declared)


def _create(connection: sa.Connection, tables: list[sa.Table]) -> None:
    catalogue.create_all(connection, tables)


async def _described(store: Store) -> dict[str, Any]:
    """Columns with type, nullability and default; keys; indexes with their predicates; as the database tells them."""
    async with store.reader.connect() as connection:
        return await connection.run_sync(_describe)


def _describe(connection: sa.Connection) -> dict[str, Any]:
    inspector = sa.inspect(connection)
    return {
        table: {
            "columns": [
                (c["name"], str(c["type"]), c["nullable"], _plain(c["default"])) for c in inspector.get_columns(table)
            ],
            "key": inspector.get_pk_constraint(table),
            "unique": sorted(inspector.get_unique_constraints(table), key=str),
            "indexes": sorted(
                (
                    (i["name"], i["column_names"], i["unique"], _predicate(i["dialect_options"]))
                    for i in inspector.get_indexes(table)
                ),
                key=str,
            ),
        }
        for table in inspector.get_table_names()
        if table not in ONLY_BY_MIGRATIONS
    }


def _plain(default: str | None) -> str | None:
    return default and default.strip("()")


def _predicate(options: dict[str, Any]) -> str | None:
    predicate = options.get("postgresql_where", options.get("sqlite_where"))
    return None if predicate is None else str(predicate)


def test_the_sql_of_a_schema_can_be_had_without_a_database() -> None:
    text = migrations.sql(f"postgresql://nobody@127.0.0.1:{free_port()}/none")
    assert "CREATE TABLE jobs" in text
    assert "CREATE SEQUENCE task_tokens" in text
    assert re.findall(r"version_num(?:\) VALUES \(|=)'(\d+)'", text)[-1] == migrations.head()
    assert "CREATE TABLE task_tokens" in migrations.sql("sqlite:///none.sqlite")


@on_postgresql
async def test_that_sql_makes_a_database_this_version_works_with(empty_url: str) -> None:
    async with opened(empty_url) as store:
        async with store.engine.connect() as connection:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            await driver.execute(migrations.sql(empty_url))
        await check_revision(store)


async def test_a_database_without_a_schema_is_refused_with_what_to_run(empty_url: str) -> None:
    async with opened(empty_url) as store:
        with pytest.raises(SchemaMismatch, match=r"no schema yet\. Run: scheduler db upgrade"):
            await check_revision(store)


async def test_a_newer_database_is_refused_and_left_alone(store_url: str) -> None:
    async with opened(store_url) as store:
        async with store.engine.begin() as connection:
            await connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        with pytest.raises(SchemaMismatch, match=r"schema 9999.*does not know.*Start that version"):
            await check_revision(store)
        with pytest.raises(SchemaMismatch, match="9999"):
            await migrations.upgrade_async(store)
    assert await asyncio.to_thread(migrations.current, store_url) == "9999"


async def test_an_older_database_is_refused_with_what_to_run(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    older = migrations.head()
    monkeypatch.setattr(migrations, "head", lambda: "9999")
    async with opened(store_url) as store:
        with pytest.raises(
            SchemaMismatch, match=rf"has schema {older}; this version needs 9999\. Run: scheduler db upgrade"
        ):
            await check_revision(store)


def test_a_database_that_is_away_is_told_from_one_without_a_schema(tmp_path: Path) -> None:
    for url in (f"postgresql://nobody@127.0.0.1:{free_port()}/none", f"sqlite:///{tmp_path}/missing/none.sqlite"):
        with pytest.raises(StoreUnavailable):
            migrations.current(url)


async def test_a_database_of_another_program_is_refused_by_its_name_and_left_alone(empty_url: str) -> None:
    async with opened(empty_url) as store:
        async with store.engine.begin() as connection:
            await connection.exec_driver_sql("CREATE TABLE jobs (what TEXT)")
        with pytest.raises(ForeignDatabase, match="has a table 'jobs' that is not the platform's") as refused:
            await migrations.upgrade_async(store)
        assert (store.url.database or "?") in str(refused.value)
        async with store.engine.connect() as connection:
            tables = await connection.run_sync(lambda sync: sa.inspect(sync).get_table_names())
    assert tables == ["jobs"]


async def test_what_the_database_itself_refuses_is_said_without_the_statement(empty_url: str) -> None:
    async with opened(empty_url) as store:
        async with store.engine.begin() as connection:
            await connection.exec_driver_sql("CREATE VIEW jobs AS SELECT 1 AS id")
        with pytest.raises(DatabaseRefused, match=r"refused the schema: [^\n]*jobs[^\n]*$") as refused:
            await migrations.upgrade_async(store)
    assert "CREATE TABLE" not in str(refused.value)


async def test_sqlite_begins_to_count_tokens_at_nought(sqlite_url: str) -> None:
    async with opened(sqlite_url) as store, store.reader.connect() as connection:
        assert (await connection.execute(sa.select(task_tokens.c.last))).scalars().all() == [0]


# --- partitions of the history


async def _partition_of(store: Store, ended_at: datetime) -> str:
    """Where the row of a task that ended then lies."""
    async with store.reader.connect() as connection:
        place = sa.literal_column("tableoid::regclass::text", sa.Text)
        query = sa.select(place).select_from(task_history).where(task_history.c.ended_at == ended_at)
        return (await connection.execute(query)).scalar_one()


async def _end_task(store: Store, ended_at: datetime) -> None:
    nothing = dict.fromkeys(task_history.columns.keys())
    row = nothing | {
        "id": uuid4(), "tenant": "default", "job_id": uuid4(), "job_name": "j", "job_version": 1, "run_id": uuid4(),
        "origin": "MANUAL", "status": "COMPLETED", "lane": 1, "rank": 0, "priority": 5, "attempt": 1, "lost": 0,
        "snoozed": 0, "max_attempts": 1, "absences": 0, "scheduled_time": ended_at, "ready_at": ended_at,
        "created_at": ended_at, "ended_at": ended_at, "parameters": "{}", "version": 1,
    }  # fmt: skip
    async with store.engine.begin() as connection:
        await connection.execute(sa.insert(task_history).values(row))


async def test_days_to_come_have_partitions_and_the_calls_after_the_first_make_only_what_is_missing(
    postgres_url: str,
) -> None:
    async with opened(postgres_url) as store:
        made = await keep_partitions_ahead(store)
        assert len(made) == DAYS_AHEAD + 1
        assert await keep_partitions_ahead(store) == []
        assert await keep_partitions_ahead(store, days=DAYS_AHEAD + 1) == [made[-1] + timedelta(days=1)]
        noon = datetime.combine(made[3], time(12), UTC)
        await _end_task(store, noon)
        assert await _partition_of(store, noon) == f"task_history_{made[3]:%Y%m%d}"


async def test_what_ended_on_a_day_without_a_partition_is_kept_and_moved(postgres_url: str) -> None:
    now = datetime.now(UTC)
    async with opened(postgres_url) as store:
        await _end_task(store, now)
        assert await _partition_of(store, now) == "task_history_default"
        made = await keep_partitions_ahead(store)
        assert await _partition_of(store, now) == f"task_history_{now:%Y%m%d}"
        long_ago = datetime.combine(made[0], time(), UTC) - timedelta(days=30)
        await _end_task(store, long_ago)
        assert await _partition_of(store, long_ago) == "task_history_default"


async def test_nodes_that_make_partitions_at_once_take_turns(postgres_url: str) -> None:
    async with opened(postgres_url) as store:
        made = await asyncio.gather(*(keep_partitions_ahead(store) for _ in range(4)))
    assert sorted(map(len, made)) == [0, 0, 0, DAYS_AHEAD + 1]


async def test_a_query_that_holds_the_history_puts_partitions_off(
    postgres_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(postgres_url) as store:
        async with store.engine.begin() as connection:
            await connection.execute(sa.select(task_history.c.id))
            assert await keep_partitions_ahead(store) == []
        assert "a query holds it" in caplog.text
        assert await keep_partitions_ahead(store)


async def test_sqlite_has_no_partitions(sqlite_url: str) -> None:
    async with opened(sqlite_url) as store:
        assert await keep_partitions_ahead(store) == []


def test_asking_a_file_that_does_not_exist_for_its_schema_makes_no_file(tmp_path: Path) -> None:
    assert migrations.current(f"sqlite:///{tmp_path}/none.sqlite") == ""
    assert list(tmp_path.iterdir()) == []
