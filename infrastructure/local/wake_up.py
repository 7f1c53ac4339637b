"""Hints within one process."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from application.shared.wake_up import Listener, WakeUp


class LocalListener(Listener):
    """Keeps a hint that came before `wait`, and by which topics it came to this listener alone.

    `entrusted` tells of each such topic whether its hint was born in this process.
    """

    def __init__(self) -> None:
        self._hint = asyncio.Event()
        self.entrusted: dict[str, bool] = {}

    async def wait(self, timeout: float) -> bool:
        try:
            async with asyncio.timeout(timeout):
                await self._hint.wait()
        except TimeoutError:
            return False
        self._hint.clear()
        self.entrusted.clear()
        return True

    @property
    def is_hinted(self) -> bool:
        """Whether a hint waits to be taken."""
        return self._hint.is_set()

    def hint(self) -> None:
        """Wake it."""
        self._hint.set()


class LocalWakeUp(WakeUp):
    """Listeners stand in line per topic; who has waited longest is woken first."""

    def __init__(self) -> None:
        self._topics: dict[str, OrderedDict[LocalListener, None]] = {}

    def signal(self, topic: str, count: int | None = None) -> None:
        if count is None:
            self._wake_all(topic)
        else:
            self._wake(topic, count)

    def _wake_all(self, topic: str) -> None:
        for listener in self._topics.get(topic, ()):
            listener.hint()

    def _wake(self, topic: str, count: int, *, is_ours: bool = True) -> None:
        for listener in self._topics.get(topic, ()):
            if count <= 0:
                break
            if not listener.is_hinted:  # one that is awake already will not need a second hint
                listener.hint()
                listener.entrusted[topic] = is_ours
                count -= 1
        if count > 0 and is_ours:
            self._left_over(topic, count)

    def _left_over(self, topic: str, count: int) -> None:
        """So many hints found nobody here."""

    @contextmanager
    def listen(self, topics: Iterable[str]) -> Iterator[Listener]:
        listener, mine = LocalListener(), list(topics)
        for topic in mine:
            self._topics.setdefault(topic, OrderedDict())[listener] = None
        try:
            yield listener
        finally:
            for topic in mine:
                line = self._topics[topic]
                line.pop(listener, None)
                if not line:
                    del self._topics[topic]
            for topic, is_ours in listener.entrusted.items():  # it had its hands full: somebody else may be idle
                self._wake(topic, 1, is_ours=is_ours)
