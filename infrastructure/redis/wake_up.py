"""Hints between nodes through a channel of Redis; within this process they need no Redis."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

import msgspec
from redis.asyncio import Redis, RedisCluster

from application.shared.wake_up import is_of_this_process
from infrastructure.local.wake_up import LocalWakeUp
from infrastructure.redis.background import Background
from infrastructure.redis.client import Client, RedisUnavailable, redis_errors
from infrastructure.redis.keys import Keys

log = logging.getLogger(__name__)

LULL: Final = 0.002
"""Seconds between two messages: what comes up meanwhile goes with the next one."""

SILENCE: Final = 2.0
"""Seconds without a word after which a subscriber asks whether its connection still lives; it waits as long again."""

MOST: Final = 10_000
"""Topics kept while Redis is away; beyond that they are forgotten, and everybody looks by himself."""


class _Message(msgspec.Struct, array_like=True, frozen=True):
    """Hints of one node: topics, each with how many listeners to wake, None for all."""

    sender: UUID
    hints: dict[str, int | None]


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Message).decode


class RedisWakeUp(LocalWakeUp):
    """A hint for so many goes to listeners of this process first, and what is left of it to other nodes.

    The subscriber connects again by itself; then everybody here looks once, as hints may have been lost.
    """

    def __init__(self, client: Client, keys: Keys, sender: UUID) -> None:
        super().__init__()
        self._client = client
        self._channel = keys.wake_ups
        self._sender = sender
        self._pending: dict[str, int | None] = {}
        self._news = asyncio.Event()
        self._publishing = Background("hints to other nodes", self._publish)
        self._hearing = Background("hints of other nodes", self._hear)
        self._followers: dict[str, list[Callable[[], None]]] = {}
        self.is_subscribed = asyncio.Event()

    def follow(self, topic: str, tell: Callable[[], None]) -> None:
        """Call `tell` when another node gives a hint, before its listeners here wake: what is remembered is old."""
        self._followers.setdefault(topic, []).append(tell)

    def start(self) -> None:
        """Hear other nodes, and be heard."""
        self._publishing.start()
        self._hearing.start()

    async def stop(self) -> None:
        await self._publishing.stop()
        await self._hearing.stop()

    def signal(self, topic: str, count: int | None = None) -> None:
        super().signal(topic, count)
        if count is None and not is_of_this_process(topic):
            self._tell(topic, None)

    def _left_over(self, topic: str, count: int) -> None:
        if not is_of_this_process(topic):
            self._tell(topic, count)

    def _tell(self, topic: str, count: int | None) -> None:
        if len(self._pending) >= MOST:
            self._pending.clear()
        before = self._pending.get(topic, 0)
        self._pending[topic] = None if before is None or count is None else before + count
        self._news.set()

    async def _publish(self) -> None:
        await self._news.wait()
        self._news.clear()
        hints, self._pending = self._pending, {}
        if hints:
            with redis_errors():
                await self._client.publish(self._channel, _encode(_Message(self._sender, hints)))
        await asyncio.sleep(LULL)

    async def _hear(self) -> None:
        """Until the connection breaks: then `RedisUnavailable`."""
        async with _subscriber(self._client) as subscriber:
            with redis_errors():
                await subscriber.subscribe(self._channel)
                self._hearing.worked()
                is_asked = False
                while True:
                    message = await subscriber.get_message(timeout=SILENCE)
                    if message is None:
                        if is_asked:
                            raise RedisUnavailable("the subscription has fallen silent")
                        await subscriber.ping()
                    elif message["type"] == "subscribe":
                        # Also when the driver has connected again by itself, without a word of what was lost.
                        self._look_around()
                        self.is_subscribed.set()
                    elif message["type"] == "message":
                        self._heard(message["data"])
                    is_asked = message is None

    def _heard(self, data: bytes) -> None:
        try:
            message = _decode(data)
        except msgspec.MsgspecError:
            log.warning("a message on %s is not one of ours: does another program use this Redis?", self._channel)
            return
        if message.sender == self._sender:
            return
        for topic, count in message.hints.items():
            for tell in self._followers.get(topic, ()):
                tell()
            if count is None:
                self._wake_all(topic)
            else:
                self._wake(topic, count, is_ours=False)

    def _look_around(self) -> None:
        for followers in self._followers.values():
            for tell in followers:
                tell()
        for topic in list(self._topics):
            if not is_of_this_process(topic):
                self._wake_all(topic)


class _subscriber:  # noqa: N801 - reads as a block
    """A subscription of its own connection; in a Cluster, where every node hears every message, to one of its nodes."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._own: Redis | None = None
        self._subscriber: Any = None

    async def __aenter__(self) -> Any:
        client = self._client
        if isinstance(client, RedisCluster):
            with redis_errors():
                await client.initialize()
                node = client.get_random_node()
                options = {k: v for k, v in node.connection_kwargs.items() if k in ("username", "password")}
                client = self._own = Redis(host=node.host, port=int(node.port), **options)
        self._subscriber = client.pubsub()
        return self._subscriber

    async def __aexit__(self, *_: object) -> None:
        for part in (self._subscriber, self._own):
            if part is not None:
                with contextlib.suppress(Exception):
                    await part.aclose()
