"""The freshest heartbeats of executors, shared by all nodes through Redis."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from domain.scheduling.ports.task_queue import Session
from infrastructure.local.heartbeats import LocalHeartbeats
from infrastructure.redis.background import Background
from infrastructure.redis.client import Client, RedisUnavailable, redis_errors
from infrastructure.redis.keys import Keys
from infrastructure.redis.times import MICROSECOND, from_microseconds, to_microseconds

log = logging.getLogger(__name__)

LULL: Final = 0.2
"""Seconds between two batches of beats: thousands of executors then cost a few commands a second."""

KEPT_FOR: Final = 4
"""Times the timeout after which a beat is forgotten; by then the store has the last word anyway."""


class RedisHeartbeats(LocalHeartbeats):
    """A sorted set of sessions by the time of their last beat, which lives as long as anybody beats.

    One command writes all beats of a moment, one reads those of any number of silent sessions. Redis away or empty
    means that nothing newer is known: then the store's beats decide, which are at most a second older.
    """

    def __init__(self, client: Client, keys: Keys, timeout: timedelta) -> None:
        super().__init__()
        self._client = client
        self._key = keys.beats
        self._kept = timeout * KEPT_FOR
        self._pending: dict[str, int] = {}
        self._news = asyncio.Event()
        self._sending = Background("heartbeats", self._send)

    def start(self) -> None:
        """Share beats."""
        self._sending.start()

    async def stop(self) -> None:
        await self._sending.stop()

    async def beat(self, session: Session, at: datetime) -> None:
        await super().beat(session, at)
        self._pending[_member(session)] = to_microseconds(at)
        self._news.set()

    async def newest(self, sessions: Sequence[Session]) -> Mapping[Session, datetime]:
        here = await super().newest(sessions)
        try:
            with redis_errors():
                scores = await self._client.zmscore(self._key, [_member(session) for session in sessions])
        except RedisUnavailable as error:
            log.warning("whether silent executors were heard by other nodes, only the store can say: %s", error)
            return here
        there = {s: from_microseconds(int(at)) for s, at in zip(sessions, scores, strict=True) if at is not None}
        return {s: max(at for at in (here.get(s), there.get(s)) if at is not None) for s in here.keys() | there.keys()}

    async def _send(self) -> None:
        await self._news.wait()
        self._news.clear()
        beats, self._pending = self._pending, {}
        if not beats:
            return
        long_ago = max(beats.values()) - self._kept // MICROSECOND
        try:
            with redis_errors():
                async with self._client.pipeline(transaction=False) as pipe:
                    pipe.zadd(self._key, beats, gt=True)
                    pipe.zremrangebyscore(self._key, "-inf", long_ago)
                    pipe.pexpire(self._key, self._kept)
                    await pipe.execute()
        except RedisUnavailable:
            self._pending = beats | self._pending
            self._news.set()
            raise
        await asyncio.sleep(LULL)


def _member(session: Session) -> str:
    return f"{session.executor_id}#{session.epoch}"
