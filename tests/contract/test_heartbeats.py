"""Heartbeats are known to every node at once; whatever becomes of Redis, what this process has heard stays known."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from application.scheduling.ports import Heartbeats
from domain.scheduling.ids import ExecutorId
from domain.scheduling.ports.task_queue import Session
from infrastructure.local.heartbeats import LocalHeartbeats
from infrastructure.redis.client import open_redis
from infrastructure.redis.heartbeats import RedisHeartbeats
from infrastructure.redis.keys import Keys
from tests.services import Service

_PREFIXES = (f"beats-{n}" for n in count())
NOW = datetime(2031, 5, 4, 12, tzinfo=UTC)
TIMEOUT = timedelta(minutes=2)
SECOND = timedelta(seconds=1)


def session(name: str = "e1", epoch: int = 1) -> Session:
    return Session(executor_id=ExecutorId(name), epoch=epoch)


@pytest.fixture(params=["local", "redis"])
def place(request: pytest.FixtureRequest) -> str:
    if request.param == "local":
        return ""
    service: Service = request.getfixturevalue("redis_server")
    return service.url


@pytest.fixture
async def heartbeats(place: str) -> AsyncIterator[Heartbeats]:
    if not place:
        yield LocalHeartbeats()
        return
    client = open_redis(place)
    beats = RedisHeartbeats(client, Keys(prefix=next(_PREFIXES)), TIMEOUT)
    beats.start()
    yield beats
    await beats.stop()
    await client.aclose()


@pytest.fixture
async def two_nodes(redis_server: Service) -> AsyncIterator[tuple[RedisHeartbeats, RedisHeartbeats]]:
    keys, clients = Keys(prefix=next(_PREFIXES)), [open_redis(redis_server.url) for _ in range(2)]
    one, other = (RedisHeartbeats(client, keys, TIMEOUT) for client in clients)
    one.start()
    other.start()
    yield one, other
    for part in (one, other):
        await part.stop()
    for client in clients:
        await client.aclose()


async def eventually(look: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        found = await look()
        while not found:
            await asyncio.sleep(0.01)
            found = await look()


async def test_the_last_beat_of_a_session_is_known(heartbeats: Heartbeats) -> None:
    await heartbeats.beat(session(), NOW)
    await heartbeats.beat(session(), NOW + SECOND)
    await heartbeats.beat(session("e2"), NOW)
    newest = await heartbeats.newest([session(), session("e2"), session("e3")])
    assert newest == {session(): NOW + SECOND, session("e2"): NOW}


async def test_what_one_epoch_says_is_not_said_of_another(heartbeats: Heartbeats) -> None:
    await heartbeats.beat(session(epoch=1), NOW)
    assert session(epoch=2) not in await heartbeats.newest([session(epoch=2)])


async def test_beats_are_handed_over_to_the_store_once(heartbeats: Heartbeats) -> None:
    await heartbeats.beat(session(), NOW)
    await heartbeats.beat(session(), NOW + SECOND)
    assert heartbeats.take_unrecorded() == {session(): NOW + SECOND}
    assert heartbeats.take_unrecorded() == {}


async def test_asking_for_nobody_is_answered(heartbeats: Heartbeats) -> None:
    assert await heartbeats.newest([]) == {}


async def test_a_beat_that_one_node_heard_is_known_to_the_other_to_the_microsecond(
    two_nodes: tuple[RedisHeartbeats, RedisHeartbeats],
) -> None:
    one, other = two_nodes
    at = NOW.replace(microsecond=123_457)
    for n in range(300):
        await one.beat(session(f"e{n}"), at)
    everybody = [session(f"e{n}") for n in range(300)]

    async def all_known() -> bool:
        return await other.newest(everybody) == dict.fromkeys(everybody, at)

    await eventually(all_known)
    assert other.take_unrecorded() == {}, "who heard it brings it to the store"


async def test_the_newer_of_two_beats_counts_whoever_heard_it(
    two_nodes: tuple[RedisHeartbeats, RedisHeartbeats],
) -> None:
    one, other = two_nodes
    await one.beat(session(), NOW + 2 * SECOND)

    async def heard() -> bool:
        return bool(await other.newest([session()]))

    await eventually(heard)
    await other.beat(session(), NOW)
    await other.beat(session("e2"), NOW)

    async def second_sent() -> bool:
        return bool(await one.newest([session("e2")]))

    await eventually(second_sent)
    for node in two_nodes:
        assert (await node.newest([session()]))[session()] == NOW + 2 * SECOND


async def test_beats_of_long_ago_are_forgotten(two_nodes: tuple[RedisHeartbeats, RedisHeartbeats]) -> None:
    one, other = two_nodes
    await one.beat(session("old"), NOW - 10 * TIMEOUT)

    async def old_is_known() -> bool:
        return bool(await other.newest([session("old")]))

    await eventually(old_is_known)
    await one.beat(session("new"), NOW)

    async def new_is_known() -> bool:
        return bool(await other.newest([session("new")]))

    await eventually(new_is_known)
    assert await other.newest([session("old")]) == {}
