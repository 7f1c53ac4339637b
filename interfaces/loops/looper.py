"""The one way in which loops run, sleep, fail and stop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from application.shared.errors import StoreUnavailable
from application.shared.wake_up import WakeUp, stop_topic

log = logging.getLogger(__name__)

RECHECK = timedelta(seconds=5)
"""A hint may be lost: every loop looks by itself at least this often."""

FIRST_PAUSE, LONGEST_PAUSE = 0.25, 5.0
"""Seconds between two tries while the store is away."""

SHORTEST = timedelta(milliseconds=5)
"""What is due and could not be had is in another node's hands: no reason to ask without a break."""

Tick = Callable[[], Awaitable[timedelta | None]]


class Looper:
    """Calls `tick`, which does what is to be done and returns how long nothing will be to do; None = unknown.

    It sleeps until then, until a hint on one of `topics` (asked before each tick), or for `recheck`, but never less
    than `rest`. A failed tick is logged, once with its trace while the reason stays the same, and tried again.
    """

    def __init__(
        self,
        name: str,
        tick: Tick,
        wake_up: WakeUp,
        topics: Sequence[str] | Callable[[], Sequence[str]] = (),
        recheck: timedelta = RECHECK,
        rest: timedelta = timedelta(0),
    ) -> None:
        self.name = name
        self._recheck = recheck
        self._rest = rest
        self._tick = tick
        self._wake_up = wake_up
        self._topics = topics if callable(topics) else lambda: topics
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self._owed_at = 0.0

    def start(self) -> None:
        """Run in the background."""
        self._stopping = False
        self._owed_at = asyncio.get_running_loop().time()
        self._task = asyncio.create_task(self._run(), name=self.name)

    async def stop(self) -> None:
        """Let the present tick end, then stop."""
        self._stopping = True
        if self._task is not None:
            self._wake_up.signal(self._stop_topic)
            await self._task
            self._task = None

    @property
    def overdue_seconds(self) -> float | None:
        """For how long it has owed a tick that succeeds, zero while it may sleep; None if it does not run."""
        if self._task is None:
            return None
        return max(0.0, asyncio.get_running_loop().time() - self._owed_at)

    @property
    def _stop_topic(self) -> str:
        return stop_topic(self.name)

    async def _run(self) -> None:
        pause, away, explained = FIRST_PAUSE, False, ""
        while not self._stopping:
            with self._wake_up.listen([*self._topics(), self._stop_topic]) as listener:
                try:
                    rest = await self._tick()
                    sleep = self._recheck if rest is None else max(SHORTEST, min(rest, self._recheck))
                    self._owed_at = asyncio.get_running_loop().time() + sleep.total_seconds()
                    if away:
                        log.warning("%s goes on: the store is back", self.name)
                    pause, away, explained = FIRST_PAUSE, False, ""
                except StoreUnavailable as error:
                    if not away:
                        log.error("%s waits: %s", self.name, error)
                    sleep, away = timedelta(seconds=pause), True
                    pause = min(pause * 2, LONGEST_PAUSE)
                except Exception as error:
                    why = f"{type(error).__name__}: {error}".partition("\n")[0]
                    trace = None if why == explained else error  # a night full of the same one is not readable
                    log.error("%s failed (%s); next try in %.1f s", self.name, why, pause, exc_info=trace)
                    explained = why
                    sleep = timedelta(seconds=pause)
                    pause = min(pause * 2, LONGEST_PAUSE)
                if not self._stopping:
                    await asyncio.sleep(self._rest.total_seconds())
                    await listener.wait(sleep.total_seconds())
