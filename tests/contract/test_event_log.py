"""The log of events: in order, whole, and never behind a transaction that is still to commit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from application.notifications.event_feed import EventFeed
from domain.notifications.message import START, Position
from infrastructure.clock import SystemClock
from infrastructure.sql import event_log as module
from infrastructure.sql.engine import Store, open_store
from infrastructure.sql.event_log import SqlEventLog
from infrastructure.sql.scheduling.tables import outbox

NOW = datetime(2031, 5, 4, 12, tzinfo=UTC)


def row(*types: str) -> dict[str, object]:
    events = ",".join(f'{{"type":"{type_}","occurredAt":"2031-05-04T12:00:00Z","jobId":"j"}}' for type_ in types)
    return {"context": "scheduling", "at": NOW, "count": len(types), "events": f"[{events}]"}


async def tell(store: Store, *types: str) -> None:
    async with store.engine.begin() as connection:
        await connection.execute(sa.insert(outbox).values(row(*types)))


async def types_after(log: SqlEventLog | EventFeed, position: Position = START) -> list[str]:
    found = await (log.after(position, 100) if isinstance(log, SqlEventLog) else log.after(position))
    return [message.type for message in found]


@pytest.fixture
def log(store: Store) -> SqlEventLog:
    return SqlEventLog(store)


async def test_events_come_in_order_each_with_its_place(store: Store, log: SqlEventLog) -> None:
    await tell(store, "A", "B")
    await tell(store, "C")
    found = await log.after(START, 100)
    assert [(str(m.position), m.type) for m in found] == [("1.0", "A"), ("1.1", "B"), ("2.0", "C")]
    assert (found[0].occurred_at, found[0].data) == (NOW, {"jobId": "j"})
    assert await types_after(log, Position(1, 0)) == ["B", "C"]
    assert await types_after(log, Position(1, 1)) == ["C"]
    assert await log.end() == Position(2, 0)


async def test_what_is_dropped_is_known_to_be_missing(store: Store, log: SqlEventLog) -> None:
    assert await log.holds(START)
    await tell(store, "A")
    await tell(store, "B")
    assert await log.holds(Position(1))
    async with store.engine.begin() as connection:
        await connection.execute(sa.delete(outbox).where(outbox.c.seq == 1))
    assert not await log.holds(Position(1))
    assert await types_after(log) == ["B"]


async def test_followers_share_what_is_read_and_late_ones_catch_up(store: Store, log: SqlEventLog) -> None:
    feed = EventFeed(log)
    await tell(store, "A")
    begin = await feed.end()
    assert await types_after(feed, begin) == []
    await tell(store, "B", "C")
    assert await types_after(feed, begin) == ["B", "C"]
    assert await types_after(feed, Position(2, 0)) == ["C"]
    assert await types_after(feed, START) == ["A", "B", "C"]
    await tell(store, "D")
    assert await types_after(feed, Position(2, 1)) == ["D"]


@pytest.fixture
async def postgres(postgres_url: str) -> AsyncIterator[Store]:
    store = open_store(postgres_url, SystemClock())
    yield store
    await store.dispose()


async def writing(store: Store, type_: str) -> AsyncConnection:
    """A transaction that has written and is not over."""
    connection = await store.engine.connect()
    await connection.execute(sa.insert(outbox).values(row(type_)))
    return connection


async def test_an_event_that_commits_late_is_never_passed_over(
    postgres: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.05)
    log = SqlEventLog(postgres)
    first = await writing(postgres, "FIRST")
    second = await writing(postgres, "SECOND")
    third = await writing(postgres, "THIRD")
    await second.commit()
    await second.close()
    assert await types_after(log) == []
    await first.commit()
    await first.close()
    assert await types_after(log) == ["FIRST", "SECOND"]
    fourth = await writing(postgres, "FOURTH")
    await fourth.commit()
    await fourth.close()
    assert await types_after(log) == ["FIRST", "SECOND"]
    await third.commit()
    await third.close()
    assert await types_after(log) == ["FIRST", "SECOND", "THIRD", "FOURTH"]


async def test_an_event_that_was_undone_holds_up_nothing(postgres: Store) -> None:
    log = SqlEventLog(postgres)
    undone = await writing(postgres, "UNDONE")
    await tell(postgres, "KEPT")
    await undone.rollback()
    await undone.close()
    assert await types_after(log) == ["KEPT"]


async def test_a_transaction_that_writes_no_events_holds_up_nothing(postgres: Store) -> None:
    log = SqlEventLog(postgres)
    undone = await writing(postgres, "UNDONE")
    await undone.rollback()
    await undone.close()
    async with postgres.engine.connect() as other:
        await other.execute(sa.text("SELECT pg_current_xact_id()"))
        await tell(postgres, "KEPT")
        assert await types_after(log) == ["KEPT"]
