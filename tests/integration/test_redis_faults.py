"""Redis is killed, forgets, comes back empty: hints and beats go on, and everything heals by itself."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from application.shared.errors import StoreUnavailable
from application.shared.wake_up import DRAIN, LANES, PLANNER, stop_topic
from domain.operations.lock import LockTerm
from domain.scheduling.ids import ExecutorId
from domain.scheduling.ports.task_queue import Session
from infrastructure.clock import SystemClock
from infrastructure.ids import TimeOrderedIds
from infrastructure.redis.checking import RedisCheck, RedisState
from infrastructure.redis.client import open_redis
from infrastructure.redis.heartbeats import RedisHeartbeats
from infrastructure.redis.keys import Keys
from infrastructure.redis.locks import RedisLocks
from infrastructure.redis.wake_up import RedisWakeUp
from tests import own_servers
from tests.own_servers import OwnRedis
from tests.processes import free_port

LANE = "lane:7"
SHORT = 0.3
NOW = datetime(2031, 5, 4, 12, tzinfo=UTC)
SESSION = Session(executor_id=ExecutorId("e1"), epoch=1)
TIMEOUT = timedelta(minutes=2)
_PREFIXES = (f"faults-{n}" for n in count())


@pytest.fixture
def own_redis() -> Iterator[OwnRedis]:
    with own_servers.own_redis() as own:
        yield own


@dataclass
class Node:
    wake_up: RedisWakeUp
    beats: RedisHeartbeats
    locks: RedisLocks
    check: RedisCheck

    async def hears(self, topic: str = LANE, count: int | None = None, *, of: Node, within: float = 30) -> bool:
        """Whether a hint that the other node gives arrives here; as a question that is repeated it takes less time."""
        with self.wake_up.listen([topic]) as listener:
            await listener.wait(0)  # what came before does not count
            of.wake_up.signal(topic, count)
            return await listener.wait(within)


@pytest.fixture
async def nodes(own_redis: OwnRedis) -> AsyncIterator[tuple[Node, Node]]:
    ids, keys, made, clients = TimeOrderedIds(), Keys(prefix=next(_PREFIXES)), [], []
    for name in ("one", "other"):
        client = open_redis(own_redis.url)
        clients.append(client)
        node = Node(
            RedisWakeUp(client, keys, ids.new()),
            RedisHeartbeats(client, keys, TIMEOUT),
            RedisLocks(client, keys, ids, SystemClock(), name),
            RedisCheck(client, keys),
        )
        node.wake_up.start()
        node.beats.start()
        made.append(node)
    one, other = made
    await eventually(lambda: other.hears(of=one, within=SHORT))
    await eventually(lambda: one.hears(of=other, within=SHORT))
    yield one, other
    for node in made:
        await node.wake_up.stop()
        await node.beats.stop()
    for client in clients:
        await client.aclose()


async def eventually(look: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        found = await look()
        while not found:
            await asyncio.sleep(0.02)
            found = await look()


async def knows_beat(node: Node) -> bool:
    return SESSION in await node.beats.newest([SESSION])


async def test_hints_reach_other_nodes_with_and_without_a_count(nodes: tuple[Node, Node]) -> None:
    one, other = nodes
    for topic, how_many in ((LANE, None), (LANE, 1), (PLANNER, None)):
        assert await other.hears(topic, how_many, of=one)
        assert await one.hears(topic, how_many, of=other)


async def test_a_hint_that_somebody_here_takes_wakes_nobody_elsewhere(nodes: tuple[Node, Node]) -> None:
    one, other = nodes
    with one.wake_up.listen([LANE]) as near, other.wake_up.listen([LANE]) as far:
        one.wake_up.signal(LANE, 1)
        assert await near.wait(0)
        assert not await far.wait(0.2)
        one.wake_up.signal(LANE, 2)
        assert await far.wait(10)


async def test_who_follows_a_hint_of_another_node_is_told_before_its_listeners_wake(nodes: tuple[Node, Node]) -> None:
    one, other = nodes
    told: list[str] = []
    other.wake_up.follow(LANES, lambda: told.append("other"))
    one.wake_up.follow(LANES, lambda: told.append("one"))
    assert await other.hears(LANES, of=one)
    assert told == ["other"]


async def test_what_concerns_one_process_stays_there(nodes: tuple[Node, Node]) -> None:
    one, other = nodes
    for topic in (DRAIN, stop_topic("planner")):
        assert not await other.hears(topic, of=one, within=SHORT)


async def test_a_killed_redis_costs_hints_of_others_only_and_all_heals_when_it_is_back(
    nodes: tuple[Node, Node], own_redis: OwnRedis
) -> None:
    one, other = nodes
    await one.beats.beat(SESSION, NOW)
    await eventually(lambda: knows_beat(other))
    own_redis.kill()
    assert await one.hears(of=one), "hints within a process need no Redis"
    assert not await other.hears(of=one, within=SHORT)
    await one.beats.beat(SESSION, NOW + TIMEOUT)
    assert await one.beats.newest([SESSION]) == {SESSION: NOW + TIMEOUT}, "what a node heard itself it knows"
    assert await other.beats.newest([SESSION]) == {}, "and the store decides for the rest"
    with pytest.raises(StoreUnavailable, match="Redis is not available"):
        await one.locks.lock(LockTerm(name="a", at_most=TIMEOUT))
    own_redis.start()
    await eventually(lambda: other.hears(of=one, within=SHORT))
    await eventually(lambda: one.hears(of=other, within=SHORT))
    await eventually(lambda: knows_beat(other))
    lock = await one.locks.lock(LockTerm(name="a", at_most=TIMEOUT))
    assert lock is not None, "an empty Redis knows no script: it is told again"


async def test_everybody_looks_once_when_redis_is_back(nodes: tuple[Node, Node], own_redis: OwnRedis) -> None:
    one, _ = nodes
    own_redis.kill()
    with one.wake_up.listen([LANE]) as sleeper:
        await sleeper.wait(0)
        own_redis.start()
        assert await sleeper.wait(60)


async def test_a_redis_that_forgets_everything_condemns_nobody(nodes: tuple[Node, Node], own_redis: OwnRedis) -> None:
    one, other = nodes
    await one.beats.beat(SESSION, NOW)
    await eventually(lambda: knows_beat(other))
    async with Redis.from_url(own_redis.url) as client:
        await client.flushall()
        await client.script_flush()
    assert await one.beats.newest([SESSION]) == {SESSION: NOW}
    assert await other.beats.newest([SESSION]) == {}
    assert await other.hears(of=one)
    lock = await one.locks.lock(LockTerm(name="a", at_most=TIMEOUT))
    assert lock is not None


async def test_a_redis_that_stands_still_holds_up_nobody_and_is_used_again(
    nodes: tuple[Node, Node], own_redis: OwnRedis
) -> None:
    one, other = nodes
    own_redis.signal(signal.SIGSTOP)
    try:
        assert await one.hears(of=one)
        await one.beats.beat(SESSION, NOW)
        assert await other.beats.newest([SESSION]) == {}
        assert await one.check.look() is RedisState.AWAY
    finally:
        own_redis.signal(signal.SIGCONT)
    await eventually(lambda: other.hears(of=one, within=SHORT))
    await eventually(lambda: knows_beat(other))
    assert await one.check.look() is RedisState.RIGHT


async def test_connections_that_are_cut_are_made_anew(nodes: tuple[Node, Node], own_redis: OwnRedis) -> None:
    one, other = nodes
    async with Redis.from_url(own_redis.url) as client:
        for kind in ("normal", "pubsub"):
            with contextlib.suppress(RedisError):
                await client.client_kill_filter(_type=kind, skipme=True)
    await eventually(lambda: other.hears(of=one, within=SHORT))
    await eventually(lambda: one.hears(of=other, within=SHORT))


async def test_a_message_of_another_program_is_passed_over(nodes: tuple[Node, Node], own_redis: OwnRedis) -> None:
    one, other = nodes
    async with Redis.from_url(own_redis.url) as client:
        (channel,) = await client.pubsub_channels()
        await client.publish(channel, b"hello")
        await client.publish(channel, b'["x", 1]')
    assert await other.hears(of=one)


async def test_the_wrong_redis_is_told_from_one_that_is_away(
    own_redis: OwnRedis, caplog: pytest.LogCaptureFixture
) -> None:
    async def state(url: str) -> RedisState:
        client = open_redis(url)
        check = RedisCheck(client, Keys(prefix="check"))
        found = [await check.look(), await check.look()]
        await client.aclose()
        assert found[0] is found[1]
        return found[0]

    await eventually(lambda: _answers(own_redis))
    assert await state(own_redis.url) is RedisState.RIGHT
    assert await state(f"redis://127.0.0.1:{free_port()}/0") is RedisState.AWAY
    assert await state(f"redis://ann:wrong@127.0.0.1:{own_redis.port}/0") is RedisState.WRONG
    assert "refuses this user or password" in caplog.text
    async with Redis.from_url(own_redis.url) as client:
        await client.replicaof("127.0.0.1", str(free_port()))
    assert await state(own_redis.url) is RedisState.WRONG
    assert "it is a replica" in caplog.text
    said = [record.message for record in caplog.records if "it is a replica" in record.message]
    assert len(said) == 1, "once, not at every look"


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"220 mail.example ESMTP\r\n"])
async def test_what_is_no_redis_at_all_is_told(answer: bytes, caplog: pytest.LogCaptureFixture) -> None:
    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        client = open_redis(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0")
        assert await RedisCheck(client, Keys(prefix="check")).look() is RedisState.WRONG
        await client.aclose()
    assert "what listens there is no Redis: mend platform.scheduler.redis.url" in caplog.text


async def test_a_redis_that_is_full_is_told_and_is_right_again_when_there_is_room(
    own_redis: OwnRedis, caplog: pytest.LogCaptureFixture
) -> None:
    await eventually(lambda: _answers(own_redis))
    client = open_redis(own_redis.url)
    check = RedisCheck(client, Keys(prefix="check"))
    async with Redis.from_url(own_redis.url) as admin:
        await admin.config_set("maxmemory", "1")
        assert await check.look() is RedisState.WRONG
        assert "full" in caplog.text
        await admin.config_set("maxmemory", "0")
        assert await check.look() is RedisState.RIGHT
    await client.aclose()


async def _answers(own: OwnRedis) -> bool:
    with contextlib.suppress(RedisError, OSError):
        async with Redis.from_url(own.url) as client:
            return bool(await client.ping())
    return False
