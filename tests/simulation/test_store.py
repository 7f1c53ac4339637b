"""The store of the simulation keeps what PostgreSQL keeps at READ COMMITTED, and loses what that may lose."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import UTC, datetime

import pytest

from application.shared.errors import StoreUnavailable
from tests.simulation.store.database import Commit, Database, KeyTaken, Table, Transaction, Weather

NOON = datetime(2031, 5, 4, 12, tzinfo=UTC)


class Storm(Weather):
    """Loses the next answer to what `loses`."""

    loses = ""

    async def before(self) -> None:
        self._maybe("statement")

    async def after_commit(self) -> None:
        self._maybe("answer")

    def _maybe(self, what: str) -> None:
        if self.loses == what:
            self.loses = ""
            raise StoreUnavailable("connection reset by peer")


@pytest.fixture
def storm() -> Storm:
    return Storm()


@pytest.fixture
def database(storm: Storm) -> Database:
    return Database(lambda: NOON, storm)


def rows(transaction: Transaction) -> Table[str, int]:
    return Table(transaction, "rows")


async def put(transaction: Transaction, key: str, value: int) -> None:
    await transaction.run(lambda: rows(transaction).put(key, value))


async def add(transaction: Transaction, key: str) -> None:
    """One more, of what is there when it is its turn."""
    await transaction.run(lambda: rows(transaction).put(key, (rows(transaction).get(key) or 0) + 1))


async def get(transaction: Transaction, key: str) -> int | None:
    return await transaction.run(lambda: rows(transaction).get(key))


async def waits(work: Awaitable[object]) -> asyncio.Future[object]:
    """It has begun, and cannot go on."""
    future = asyncio.ensure_future(work)
    for _ in range(5):
        await asyncio.sleep(0)
    assert not future.done()
    return future


@pytest.fixture
def two(database: Database) -> tuple[Transaction, Transaction]:
    return database.begin(), database.begin()


async def test_a_statement_sees_what_is_committed_and_what_its_own_transaction_wrote(
    two: tuple[Transaction, Transaction],
) -> None:
    one, other = two
    await put(one, "a", 1)
    assert (await get(one, "a"), await get(other, "a")) == (1, None)
    await one.commit()
    assert await get(other, "a") == 1


async def test_who_needs_a_row_waits_for_its_writer_and_then_goes_by_what_that_wrote(
    two: tuple[Transaction, Transaction],
) -> None:
    one, other = two
    await add(one, "a")
    waiting = await waits(add(other, "a"))
    await one.commit()
    await waiting
    assert await get(other, "a") == 2


async def test_what_was_not_committed_has_not_happened_and_holds_up_nobody(
    two: tuple[Transaction, Transaction],
) -> None:
    one, other = two
    await add(one, "a")
    waiting = await waits(add(other, "a"))
    one.undo()
    await waiting
    assert await get(other, "a") == 1


async def test_a_row_that_another_one_has_can_be_skipped(two: tuple[Transaction, Transaction]) -> None:
    one, other = two
    await put(one, "a", 1)
    assert not await other.run(lambda: rows(other).is_free("a"))
    await one.commit()
    assert await other.run(lambda: rows(other).is_free("a"))


async def test_who_inserts_a_key_waits_for_whoever_is_about_to_and_is_refused(
    two: tuple[Transaction, Transaction],
) -> None:
    one, other = two
    await one.run(lambda: rows(one).insert("a", 1))
    waiting = await waits(other.run(lambda: rows(other).insert("a", 2)))
    await one.commit()
    with pytest.raises(KeyTaken):
        await waiting


async def test_a_refused_statement_leaves_nothing_half_done(two: tuple[Transaction, Transaction]) -> None:
    one, other = two
    await put(one, "b", 1)
    await one.commit()

    def both() -> None:
        rows(other).put("a", 1)
        rows(other).insert("b", 2)

    with pytest.raises(KeyTaken):
        await other.run(both)
    assert await get(other, "a") is None


async def test_two_that_wait_for_each_other_are_told_apart(two: tuple[Transaction, Transaction]) -> None:
    one, other = two
    await put(one, "a", 1)
    await put(other, "b", 1)
    waiting = await waits(put(one, "b", 2))
    with pytest.raises(StoreUnavailable, match="deadlock"):
        await put(other, "a", 2)
    await waiting


async def test_a_broken_connection_undoes_its_transaction(
    database: Database, storm: Storm, two: tuple[Transaction, Transaction]
) -> None:
    one, other = two
    await put(one, "a", 1)
    storm.loses = "statement"
    with pytest.raises(StoreUnavailable):
        await get(one, "a")
    with pytest.raises(StoreUnavailable):
        await one.commit()
    assert await get(other, "a") is None
    assert database.commits == 0


async def test_a_lost_answer_to_a_commit_leaves_open_what_happened_and_it_did(
    storm: Storm, two: tuple[Transaction, Transaction]
) -> None:
    one, other = two
    await put(one, "a", 1)
    storm.loses = "answer"
    with pytest.raises(StoreUnavailable):
        await one.commit()
    assert await get(other, "a") == 1


async def test_who_watches_sees_each_commit_once_as_a_whole(database: Database) -> None:
    seen: list[Commit] = []
    database.watchers.append(seen.append)
    for value in (1, 2):
        transaction = database.begin()
        await put(transaction, "a", value)
        await transaction.commit()
    assert [dict(commit.changes["rows"]) for commit in seen] == [{"a": (None, 1)}, {"a": (1, 2)}]
