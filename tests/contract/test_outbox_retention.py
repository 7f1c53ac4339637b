"""Old events are dropped, but not before every sink has had them, unless it is hopelessly late."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from infrastructure.sql import outbox_retention as module
from infrastructure.sql.engine import Store
from infrastructure.sql.event_log import SqlEventLog
from infrastructure.sql.notifications.sink_book import SqlSinkBook
from infrastructure.sql.notifications.sink_tables import sinks
from infrastructure.sql.outbox_retention import HOPELESS, drop_old_events
from infrastructure.sql.scheduling.tables import outbox
from infrastructure.sql.unit_of_work import SqlUnitOfWork
from tests.contract.builders import rows
from tests.contract.test_event_log import row

DAY = timedelta(days=1)


async def tell(store: Store, *ages: timedelta) -> None:
    async with SqlUnitOfWork(store, "tests") as work:
        for age in ages:
            await work.execute(sa.insert(outbox).values(row("A") | {"at": work.now - age}))
        await work.commit()


async def kept(store: Store) -> list[int]:
    return [each.seq for each in await rows(store, outbox)]


async def sink_at(store: Store, seq: int) -> None:
    await SqlSinkBook(store, SqlEventLog(store)).open("late", None, 1)
    async with store.engine.begin() as connection:
        await connection.execute(sa.update(sinks).values(seq=seq))


async def test_what_is_old_goes_in_batches_and_the_newest_stays(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH", 2)
    await tell(store, *[2 * DAY] * 5, DAY / 2, DAY / 4)
    assert await drop_old_events(store, DAY) == 5
    assert await kept(store) == [6, 7]
    await tell(store, DAY * 3)
    assert await drop_old_events(store, DAY / 10) == 2
    assert await kept(store) == [8]


async def test_a_sink_that_is_late_is_waited_for(store: Store) -> None:
    await tell(store, *[2 * DAY] * 4)
    await sink_at(store, 2)
    assert await drop_old_events(store, DAY) == 1
    assert await kept(store) == [2, 3, 4]


async def test_a_sink_that_is_hopelessly_late_loses_events_and_counts_them(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    await tell(store, *[(HOPELESS + 1) * DAY] * 4, DAY / 2)
    await sink_at(store, 2)
    assert await drop_old_events(store, DAY) == 4
    (late,) = await rows(store, sinks)
    assert late.lost == 2
    assert "late" in caplog.text
    assert await drop_old_events(store, DAY) == 0
