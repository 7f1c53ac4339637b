"""The child processes of a worker, from their start to their end."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from dataclasses import dataclass

from scheduler_sdk.handlers.child_process import ChildProcess


@dataclass(frozen=True, slots=True)
class ProcessLimits:
    """At most `count` child processes at a time, by default two for each processor, but no fewer than four.

    One is replaced after `tasks`, or once it has grown by `growth` bytes since its first.
    """

    count: int = max(4, 2 * (os.cpu_count() or 1))
    tasks: int = 1000
    growth: int = 256 * 1024 * 1024


class Children:
    """Starts processes as they are needed and gives each to one attempt at a time."""

    def __init__(self, limits: ProcessLimits) -> None:
        self._limits = limits
        self._idle: list[ChildProcess] = []
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._count = 0
        self._leaving: set[asyncio.Task[None]] = set()

    async def take(self) -> ChildProcess:
        """One that is idle, or a new one; waits while there are as many as there may be. Raises `OSError`."""
        while not self._idle and self._count >= self._limits.count:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                self._next()  # it may have been our turn
                raise
        while self._idle:
            child = self._idle.pop()
            if child.is_alive:
                return child
            self._discard(child)
        self._count += 1
        child = ChildProcess()
        try:
            await child.start()
        except BaseException:
            self._count -= 1
            self._next()
            raise
        return child

    def give_back(self, child: ChildProcess) -> None:
        worn = child.calls >= self._limits.tasks or child.grown >= self._limits.growth
        if child.is_alive and not worn:
            self._idle.append(child)
        else:
            self._discard(child)
        self._next()

    async def close(self) -> None:
        while self._idle:
            self._discard(self._idle.pop())
        while self._leaving:
            await asyncio.wait(self._leaving)

    def _discard(self, child: ChildProcess) -> None:
        self._count -= 1
        leaving = asyncio.get_running_loop().create_task(child.close())
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)

    def _next(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
