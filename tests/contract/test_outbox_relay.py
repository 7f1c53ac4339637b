"""The relay: at least once, in order, one at a time; what is refused dies alone, what is away is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
import sqlalchemy as sa

from application.notifications import carrier as carrier_module
from application.notifications.carrier import Carrier
from application.notifications.outbox_relay import OutboxRelay
from bootstrap.sinks import Sinks
from domain.notifications.message import Message
from domain.notifications.ports.sink import Sink
from domain.notifications.sink import MOST_ATTEMPTS, MessageRefused, SinkUnavailable
from domain.shared.ids import DEFAULT_TENANT, TenantId
from infrastructure.clock import SystemClock
from infrastructure.ids import TimeOrderedIds
from infrastructure.sink_lease import LockedLease
from infrastructure.sql.engine import Store
from infrastructure.sql.event_log import SqlEventLog
from infrastructure.sql.notifications.sink_book import SqlSinkBook
from infrastructure.sql.notifications.sink_tables import sinks
from infrastructure.sql.operations.locks import SqlLocks
from infrastructure.sql.sinks_reader import SqlSinksReader
from tests.contract.test_event_log import tell


@dataclass
class Recorder(Sink):
    """Remembers what came, refuses what it shall, and may be away."""

    name: str = "recorder"
    tenant: TenantId | None = None
    most: int = 2
    came: list[str] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    unwanted: set[str] = field(default_factory=set)
    away: bool = False

    def wants(self, message: Message) -> bool:
        return message.type not in self.unwanted

    async def publish(self, messages: Sequence[Message]) -> None:
        for number, message in enumerate(messages):
            if self.away:
                raise SinkUnavailable("away", acknowledged=number)
            if message.type in self.refused:
                raise MessageRefused(f"no {message.type}", acknowledged=number)
            self.came.append(message.type)


@pytest.fixture
def sink() -> Recorder:
    return Recorder()


def carrier(store: Store, sink: Sink, node: str = "a") -> Carrier:
    log, ids, clock = SqlEventLog(store), TimeOrderedIds(), SystemClock()
    return Carrier(sink, log, SqlSinkBook(store, log), LockedLease(SqlLocks(store, ids, node), sink.name), ids, clock)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No waits between attempts."""
    monkeypatch.setattr(carrier_module, "wait_after_refusal", lambda _: 0.0)
    monkeypatch.setattr(carrier_module, "wait_after_silence", lambda _: 0.001)


async def until_it_rests(one: Carrier, times: int = 12) -> None:
    for _ in range(times):
        await one.carry()
        await asyncio.sleep(one.rest)


async def test_a_new_sink_gets_what_comes_from_now_on_in_order(store: Store, sink: Recorder) -> None:
    await tell(store, "OLD")
    one = carrier(store, sink)
    await one.carry()
    await tell(store, "A", "B", "C")
    await tell(store, "D")
    await one.carry()
    assert sink.came == ["A", "B", "C", "D"]
    await one.carry()
    assert sink.came == ["A", "B", "C", "D"]
    (view,) = await SqlSinksReader(store).sinks(DEFAULT_TENANT)
    assert (view.position, view.lag_seconds, view.dead_letters) == ("3.0", 0.0, 0)


async def test_a_sink_that_is_away_costs_no_attempts_and_misses_nothing(store: Store, sink: Recorder) -> None:
    one = carrier(store, sink)
    await one.carry()
    await tell(store, "A", "B", "C")
    sink.away = True
    await until_it_rests(one, MOST_ATTEMPTS * 2)
    (view,) = await SqlSinksReader(store).sinks(DEFAULT_TENANT)
    assert (view.error, view.attempts, view.dead_letters) == ("away", 0, 0)
    assert view.error_since is not None
    sink.away = False
    await until_it_rests(one, 3)
    assert sink.came == ["A", "B", "C"]
    (view,) = await SqlSinksReader(store).sinks(DEFAULT_TENANT)
    assert (view.error, view.error_since) == (None, None)


async def test_what_is_refused_becomes_a_dead_letter_and_the_rest_goes_on(store: Store, sink: Recorder) -> None:
    one = carrier(store, sink)
    await one.carry()
    sink.refused = {"B"}
    await tell(store, "A", "B", "C")
    await until_it_rests(one)
    assert sink.came == ["A", "C"]
    reader = SqlSinksReader(store)
    (letter,) = (await reader.dead_letters(DEFAULT_TENANT, "recorder", 10, None)).items
    assert (letter.attempts, letter.error) == (MOST_ATTEMPTS, "no B")
    assert b'"type":"B"' in bytes(letter.event)


async def test_a_dead_letter_is_sent_again_when_asked_for(store: Store, sink: Recorder) -> None:
    one, reader = carrier(store, sink), SqlSinksReader(store)
    await one.carry()
    sink.refused = {"A", "B"}
    await tell(store, "A", "B")
    await until_it_rests(one)
    sink.refused = {"B"}
    assert await reader.redrive(DEFAULT_TENANT, "recorder", None) == 2
    await one.carry()
    assert sink.came == ["A"]
    (letter,) = (await reader.dead_letters(DEFAULT_TENANT, "recorder", 10, None)).items
    assert (letter.attempts, letter.due) == (MOST_ATTEMPTS + 1, False)
    assert await reader.purge(DEFAULT_TENANT, "recorder", [letter.id]) == 1
    assert not (await reader.dead_letters(DEFAULT_TENANT, "recorder", 10, None)).items


async def test_one_carries_at_a_time_and_another_goes_on_where_it_stopped(store: Store, sink: Recorder) -> None:
    one, other = carrier(store, sink), carrier(store, sink, "b")
    await one.carry()
    await tell(store, "A")
    await other.carry()
    assert not sink.came
    await one.carry()
    await one.close()
    await tell(store, "B")
    await other.carry()
    assert sink.came == ["A", "B"]


async def test_who_was_replaced_moves_nothing(store: Store, sink: Recorder) -> None:
    one = carrier(store, sink)
    await one.carry()
    async with store.engine.begin() as connection:
        await connection.execute(sa.update(sinks).values(token=sinks.c.token + 1))
    await tell(store, "A")
    await one.carry()
    (view,) = await SqlSinksReader(store).sinks(DEFAULT_TENANT)
    assert view.position == "0.0"


async def test_what_a_sink_does_not_want_is_passed_over_for_good(store: Store, sink: Recorder) -> None:
    one = carrier(store, sink)
    await one.carry()
    sink.unwanted = {"A"}
    await tell(store, "A")
    await one.carry()
    sink.unwanted = set()
    await one.carry()
    assert not sink.came


async def test_a_sink_that_hangs_holds_up_no_other(store: Store, sink: Recorder) -> None:
    @dataclass
    class Hanging(Recorder):
        async def publish(self, messages: Sequence[Message]) -> None:
            await asyncio.Event().wait()

    relay = OutboxRelay(Sinks((Hanging("hanging"), sink)), lambda each: carrier(store, each))
    await relay.tick()
    await relay.settled()
    await tell(store, "A")
    await relay.tick()
    while not sink.came:
        await asyncio.sleep(0.01)
        await relay.tick()
    await relay.close()
    assert sink.came == ["A"]
