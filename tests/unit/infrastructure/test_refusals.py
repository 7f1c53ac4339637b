"""A refusal to write stands for a while, and the log says once what to do."""

from __future__ import annotations

import sqlite3

import asyncpg
import pytest

from application.shared.errors import StoreUnavailable
from infrastructure.sql.errors import store_errors
from infrastructure.sql.refusals import SPELL, Refusals
from tests.unit.application.fakes import SetClock


def of_sqlite(name: str) -> sqlite3.Error:
    error = sqlite3.OperationalError("it cannot be written")
    error.sqlite_errorname = name
    return error


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (asyncpg.DiskFullError("could not extend file"), "The disk of PostgreSQL is full. Free space"),
        (asyncpg.ReadOnlySQLTransactionError("cannot execute INSERT"), "name the primary"),
        (of_sqlite("SQLITE_FULL"), "Free space where platform.scheduler.database.url points"),
        (of_sqlite("SQLITE_READONLY"), "the right to write"),
        (of_sqlite("SQLITE_READONLY_DBMOVED"), "the right to write"),
    ],
)
def test_a_refused_write_is_told_once_with_what_to_do(
    error: Exception, advice: str, caplog: pytest.LogCaptureFixture
) -> None:
    clock = SetClock()
    refusals = Refusals(clock)
    for _ in range(3):
        with pytest.raises(StoreUnavailable), store_errors(refusals):
            raise error
    assert refusals.stand()
    assert [advice in record.message and str(error) in record.message for record in caplog.records] == [True]
    clock.time += SPELL
    assert not refusals.stand()
    refusals.note(error)
    assert len(caplog.records) == 2


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.ConnectionDoesNotExistError("closed"),
        asyncpg.DeadlockDetectedError("deadlock"),
        asyncpg.OutOfMemoryError("out of memory"),
        asyncpg.PostgresIOError("could not read block"),
        of_sqlite("SQLITE_BUSY"),
        ConnectionRefusedError("refused"),
    ],
)
def test_a_store_that_is_away_or_busy_refuses_nothing(error: Exception) -> None:
    refusals = Refusals(SetClock())
    with pytest.raises(StoreUnavailable), store_errors(refusals):
        raise error
    assert not refusals.stand()


def test_another_refusal_is_told_too(caplog: pytest.LogCaptureFixture) -> None:
    refusals = Refusals(SetClock())
    refusals.note(asyncpg.DiskFullError("full"))
    refusals.note_read_only()
    refusals.note_read_only()
    assert len(caplog.records) == 2
