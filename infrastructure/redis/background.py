"""Work for Redis that nobody waits for: it goes on while Redis is there, and waits with patience while it is not."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from infrastructure.redis.client import RedisUnavailable

log = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
"""Seconds between two tries while Redis is away."""


class Background:
    """Calls `work` again and again; one that raises `RedisUnavailable` is logged once and tried again after a pause."""

    def __init__(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        self._name = name
        self._work = work
        self._seconds, self._is_away = FIRST_PAUSE, False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """From now on."""
        self._task = asyncio.create_task(self._run(), name=self._name)

    async def stop(self) -> None:
        """What is under way is given up."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    def worked(self) -> None:
        """Redis is there; also for work that goes on for as long as it is."""
        if self._is_away:
            log.warning("%s go through Redis again", self._name)
        self._seconds, self._is_away = FIRST_PAUSE, False

    async def _run(self) -> None:
        while True:
            try:
                await self._work()
                self.worked()
            except RedisUnavailable as error:
                if not self._is_away:
                    log.warning("%s do without Redis, which costs time only: %s", self._name, error)
                await self._pause()
            except Exception:
                log.exception("%s failed", self._name)
                await self._pause()

    async def _pause(self) -> None:
        self._is_away = True
        await asyncio.sleep(self._seconds)
        self._seconds = min(self._seconds * 2, LONGEST_PAUSE)
