"""A SQL task runs one statement on a database that the worker knows by name."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scheduler_sdk.job_types.sql import SqlWork
from tests.databases import PostgresDatabases
from tests.sdk.conftest import Crew
from tests.sdk.fake_server import FakeServer, FakeTask


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database."""
    if request.param == "sqlite":
        file = tmp_path / "a shop#1.sqlite"
        sqlite3.connect(file).close()
        yield f"sqlite:///{file}"
        return
    databases: PostgresDatabases = request.getfixturevalue("postgres_databases")
    with databases.database() as name:
        yield databases.url(name)


class Shop:
    """A worker with one connection, and tasks for it."""

    def __init__(self, server: FakeServer, crew: Crew, url: str) -> None:
        self.server, self.crew, self.url = server, crew, url
        self.mark = "?" if url.startswith("sqlite") else "$1"

    async def start(self) -> None:
        await self.crew.start(self.crew.worker(sql={"shop": self.url}))

    async def run(self, statement: str, *parameters: Any, **more: Any) -> FakeTask:
        task = await self.server.add(
            "SQL",
            parameters={"connection": "shop", "statement": statement, "parameters": list(parameters), **more},
        )
        await self.server.ended(task)
        return task

    async def must(self, statement: str, *parameters: Any, **more: Any) -> Any:
        task = await self.run(statement, *parameters, **more)
        assert task.status == "COMPLETED", task.error
        return task.result


@pytest.fixture
async def shop(server: FakeServer, crew: Crew, url: str) -> Shop:
    shop = Shop(server, crew, url)
    await shop.start()
    await shop.must("create table item (id integer primary key, name text unique)")
    return shop


async def test_a_statement_changes_rows_and_returns_them(shop: Shop) -> None:
    inserted = await shop.must("insert into item (id, name) values (1, 'a'), (2, 'b'), (3, null)")
    assert inserted == {"rowCount": 3, "columns": [], "rows": [], "truncated": False}
    found = await shop.must(f"select id, name from item where id >= {shop.mark} order by id", 2)
    assert found == {"rowCount": 2, "columns": ["id", "name"], "rows": [[2, "b"], [3, None]], "truncated": False}
    changed = await shop.must("update item set name = 'z' where id = 1 returning name")
    assert (changed["rowCount"], changed["rows"]) == (1, [["z"]])
    assert (await shop.must("select name from item where id = 1"))["rows"] == [["z"]]


async def test_rows_are_bounded(shop: Shop) -> None:
    await shop.must("insert into item (id) values (1), (2), (3)")
    some = await shop.must("select id from item order by id", maxRows=2)
    assert (some["rows"], some["truncated"], some["rowCount"]) == ([[1], [2]], True, 2)
    assert (await shop.must("select id from item", maxRows=3))["truncated"] is False
    await shop.run(f"update item set name = {shop.mark} where id = 1", "x" * 150_000)
    large = await shop.must("select name from item where id = 1 union all select name from item where id = 1")
    assert (len(large["rows"]), large["truncated"]) == (1, True)


async def test_what_the_database_says_has_a_code_and_changes_nothing(shop: Shop) -> None:
    await shop.must("insert into item (id, name) values (1, 'a')")
    twice = await shop.run("insert into item (id, name) values (2, 'b'), (3, 'a')")
    is_sqlite = shop.mark == "?"
    assert twice.error["code"] == ("SQLITE_CONSTRAINT_UNIQUE" if is_sqlite else "SQL_23505")
    assert (await shop.must("select id from item"))["rows"] == [[1]]
    wrong = await shop.run("selekt 1")
    assert wrong.error["code"] == ("SQLITE_ERROR" if is_sqlite else "SQL_42601")


async def test_parameters_that_do_not_fit_the_statement_are_refused(shop: Shop) -> None:
    for task in (await shop.run(f"select {shop.mark}"), await shop.run("select 1", 1), await shop.run("")):
        assert (task.error["code"], task.retryable) == ("INVALID_PARAMETERS", False)
    unknown = await shop.run("select 1", connection="other")
    assert unknown.error["message"] == "this worker has no connection 'other'; it has: shop"


async def test_a_statement_that_takes_too_long_is_ended(shop: Shop) -> None:
    endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select max(i) from n"
    task = await shop.run(endless, timeoutSeconds=0.2)
    assert (task.error["code"], task.error["message"]) == ("SQL_TIMEOUT", "the statement took longer than 0.2 s")


async def test_a_statement_is_ended_when_its_task_is_cancelled(shop: Shop) -> None:
    endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select max(i) from n"
    task = await shop.server.add("SQL", parameters={"connection": "shop", "statement": endless})
    await shop.server.until(lambda: task.status == "RUNNING")
    await shop.server.cancel(task)
    await shop.server.ended(task)
    assert task.status == "CANCELLED"


@pytest.mark.parametrize("url", ["sqlite:////no/such/file", "postgresql://nobody:secret@127.0.0.1:1/none"])
async def test_a_database_that_is_not_there_is_no_reason_to_tell_its_address(
    server: FakeServer, crew: Crew, url: str
) -> None:
    shop = Shop(server, crew, url)
    await shop.start()
    task = await shop.run("select 1")
    assert (task.error["code"], task.retryable) == ("SQL_CONNECTION_FAILED", True)
    assert "secret" not in task.error["message"]


@pytest.mark.parametrize("url", ["mysql://a/b", "sqlite://x", "nonsense"])
def test_an_address_of_no_known_database_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="sqlite"):
        SqlWork({"shop": url})
