"""Redis behind Sentinel: hints, beats and locks go on, also when another server takes over."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from application.shared.errors import StoreUnavailable
from domain.operations.lock import LockTerm
from domain.scheduling.ids import ExecutorId
from domain.scheduling.ports.task_queue import Session
from domain.shared.ids import DEFAULT_TENANT
from infrastructure.clock import SystemClock
from infrastructure.ids import TimeOrderedIds
from infrastructure.redis.checking import RedisCheck, RedisState
from infrastructure.redis.client import close_redis, open_redis
from infrastructure.redis.heartbeats import RedisHeartbeats
from infrastructure.redis.keys import Keys
from infrastructure.redis.locks import RedisLocks
from infrastructure.redis.wake_up import RedisWakeUp
from tests.processes import free_port, scratch, start, unprivileged
from tests.services import Unavailable, redis_programs

TOPIC = "lane:7"
SESSION = Session(executor_id=ExecutorId("e1"), epoch=1)
NOW = datetime(2031, 5, 4, 12, tzinfo=UTC)


class Servers:
    """Starts servers of Redis in a room that they may write to; they end with the block."""

    def __init__(self, program: Path, room: Path, stack: ExitStack) -> None:
        self._program, self._room, self._stack = program, room, stack

    def start(self, *options: str) -> tuple[int, subprocess.Popen[bytes]]:
        """One more, and its port."""
        port = free_port()
        room = self._room / str(port)
        self._config(room, f"port {port}", f"dir {room}", "bind 127.0.0.1", 'save ""', *options)
        return port, self._run(room)

    def watch(self, master: int) -> int:
        """A Sentinel that alone decides that the master is gone; its port."""
        port = free_port()
        room = self._room / str(port)
        after = ("down-after-milliseconds main 500", "failover-timeout main 5000")
        orders = [f"sentinel {order}" for order in (f"monitor main 127.0.0.1 {master} 1", *after)]
        self._config(room, f"port {port}", f"dir {room}", "bind 127.0.0.1", *orders)
        self._run(room, "--sentinel")
        return port

    def _config(self, room: Path, *lines: str) -> None:
        room.mkdir(mode=0o777)
        room.chmod(0o777)
        config = room / "redis.conf"
        config.write_text("\n".join(lines) + "\n")
        config.chmod(0o666)

    def _run(self, room: Path, *options: str) -> subprocess.Popen[bytes]:
        process = start([self._program, room / "redis.conf", *options], room, unprivileged())
        self._stack.callback(_end, process)
        return process


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    process.wait(30)


@pytest.fixture
def servers() -> Iterator[Servers]:
    account = unprivileged()
    program = next(redis_programs(), None)
    if program is None:
        raise Unavailable("no Redis")
    with scratch("redis-servers", account) as room, ExitStack() as stack:
        yield Servers(program.reachable_by(account, room).path, room, stack)


async def eventually(look: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(RedisError, StoreUnavailable, OSError):
                if await look():
                    return
            await asyncio.sleep(0.05)


async def answer(port: int, *command: str | int) -> object:
    async with Redis(port=port) as client:
        return await client.execute_command(*command)  # type: ignore[no-untyped-call]


class Coordination:
    """All that a node does with Redis, at one address."""

    def __init__(self, url: str, name: str) -> None:
        self.client, keys, ids = open_redis(url), Keys(), TimeOrderedIds()
        self.wake_up = RedisWakeUp(self.client, keys, ids.new())
        self.beats = RedisHeartbeats(self.client, keys, timedelta(minutes=2))
        self.locks = RedisLocks(self.client, keys, ids, SystemClock(), name)
        self.check = RedisCheck(self.client, keys)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Coordination]:
        self.wake_up.start()
        self.beats.start()
        try:
            yield self
        finally:
            await self.wake_up.stop()
            await self.beats.stop()
            await close_redis(self.client)

    async def is_heard_by(self, other: Coordination) -> bool:
        with other.wake_up.listen([TOPIC]) as listener:
            await listener.wait(0)  # what came before does not count
            self.wake_up.signal(TOPIC)
            return await listener.wait(0.3)


async def all_works(one: Coordination, other: Coordination, at: datetime) -> None:
    """Hints arrive both ways, a beat that one has heard is known to the other, one at a time holds a lock."""
    await eventually(lambda: one.is_heard_by(other))
    await eventually(lambda: other.is_heard_by(one))
    await one.beats.beat(SESSION, at)

    async def known() -> bool:
        return (await other.beats.newest([SESSION])).get(SESSION) == at

    await eventually(known)
    term = LockTerm(name=f"cleanup-{at:%H%M}", at_most=timedelta(minutes=1))
    lock = await one.locks.lock(term)
    assert lock is not None
    assert await other.locks.lock(term) is None
    assert [held.name for held in await other.locks.held(DEFAULT_TENANT)] == [term.name]
    assert await one.locks.unlock(lock)


async def test_nodes_follow_sentinel_from_a_dead_master_to_the_next(servers: Servers) -> None:
    master, process = servers.start()
    replica, _ = servers.start(f"replicaof 127.0.0.1 {master}")
    watch = servers.watch(master)

    async def watched() -> bool:
        found = await answer(watch, "SENTINEL", "REPLICAS", "main")
        return isinstance(found, list) and len(found) == 1

    await eventually(watched)
    url = f"redis+sentinel://127.0.0.1:{free_port()},127.0.0.1:{watch}/main/0"  # nobody listens at the first
    async with Coordination(url, "one").running() as one, Coordination(url, "other").running() as other:
        await all_works(one, other, NOW)
        assert await one.check.look() is RedisState.RIGHT

        _end(process)
        await eventually(lambda: _is_master(replica))
        await all_works(one, other, NOW + timedelta(minutes=1))
        assert await one.check.look() is RedisState.RIGHT


async def _is_master(port: int) -> bool:
    role = await answer(port, "ROLE")
    return isinstance(role, list) and role[0] == b"master"
