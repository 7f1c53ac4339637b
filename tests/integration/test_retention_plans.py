"""Old rows are found and removed through indexes, a batch at a time, however many rows there are."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from infrastructure.clock import SystemClock
from infrastructure.sql.engine import Store, open_store
from infrastructure.sql.scheduling.retention import (
    ATTEMPTS,
    BACKFILLS,
    EXECUTORS,
    LEDGER,
    LIMIT_KEYS,
    LOGS,
    ORPHANS,
    history_in,
)
from infrastructure.sql.scheduling.task_tables import task_history
from infrastructure.sql.sweeping import Rows, next_keys, removal

SWEPT = {
    "history": history_in(task_history),
    "default partition": history_in(task_history.to_metadata(sa.MetaData(), name="task_history_default")),
    "logs": LOGS,
    "attempts": ATTEMPTS,
    "orphans": ORPHANS,
    "ledger": LEDGER,
    "backfills": BACKFILLS,
    "executors": EXECUTORS,
    "limit keys": LIMIT_KEYS,
}
NOW = datetime.now(UTC)
DIALECTS: dict[str, Any] = {"sqlite": sqlite.dialect, "postgresql": postgresql.asyncpg.dialect}
BY_HAND = re.compile(r"Seq Scan|SCAN (?!.*USING)|Sort|USE TEMP B-TREE|AUTOMATIC")


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    store = open_store(store_url, SystemClock())
    yield store
    await store.dispose()


def key_of(rows: Rows) -> list[Any]:
    kinds: dict[type, Any] = {sa.Uuid: UUID(int=1), sa.Text: "x"}
    return [kinds.get(type(column.type), 1) for column in rows.key]


async def plan_of(store: Store, statement: sa.Executable) -> str:
    async with store.engine.connect() as connection:
        explain = "EXPLAIN QUERY PLAN " if store.dialect == "sqlite" else "EXPLAIN "
        compiled = statement.compile(  # type: ignore[attr-defined]
            dialect=DIALECTS[store.dialect](), compile_kwargs={"literal_binds": True}
        )
        rows = (await connection.exec_driver_sql(explain + str(compiled))).all()
        await connection.rollback()
    return "\n".join(str(row[-1]) for row in rows)


@pytest.mark.parametrize("what", SWEPT)
@pytest.mark.parametrize("after", [False, True])
async def test_a_batch_is_found_and_removed_by_indexes(store: Store, what: str, after: bool) -> None:
    if what == {"sqlite": "default partition", "postgresql": "history"}[store.dialect]:
        pytest.skip("PostgreSQL's history is swept partition by partition, and SQLite's as a whole")
    rows = SWEPT[what]
    begin = key_of(rows) if after else None
    for statement in (next_keys(rows, NOW, begin), removal(rows, NOW, begin, key_of(rows))):
        plan = await plan_of(store, statement)
        assert not BY_HAND.search(plan), plan
