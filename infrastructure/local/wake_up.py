"""Hints within one process."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from application.shared.wake_up import Listener, WakeUp


class LocalListener(Listener):
    """Keeps a hint that came before `wait`."""

    def __init__(self) -> None:
        self._hint = asyncio.Event()

    async def wait(self, timeout: float) -> bool:
        try:
            async with asyncio.timeout(timeout):
                await self._hint.wait()
        except TimeoutError:
            return False
        self._hint.clear()
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
        listeners = self._topics.get(topic)
        if not listeners:
            return
        left = len(listeners) if count is None else count
        for listener in listeners:
            if left <= 0:
                break
            if count is None or not listener.is_hinted:  # one that is awake already will not need a second hint
                listener.hint()
                left -= 1

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
