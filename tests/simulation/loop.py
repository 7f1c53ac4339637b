"""An event loop whose time is virtual, and the processes in it, which can be paused and killed."""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import Context, ContextVar, copy_context
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, TypeVarTuple, Unpack

BEGINNING = datetime(2031, 5, 4, 12, tzinfo=UTC)
"""When each world begins."""

Ts = TypeVarTuple("Ts")

_PROCESS: ContextVar[Process | None] = ContextVar("process", default=None)


class StandStill(Exception):
    """Nobody waits for anything that will ever come."""


class Process:
    """Whatever is started within it stands still while it is paused, and is gone once it is killed.

    Its own clock is off by `skew`.
    """

    def __init__(self, name: str, skew: timedelta = timedelta(0)) -> None:
        self.name = name
        self.skew = skew
        self.is_paused = self.is_dead = False
        self.held: list[asyncio.Handle] = []
        self.context: Context = copy_context()
        self.context.run(_PROCESS.set, self)


def current_process() -> Process | None:
    """Whose code runs now."""
    return _PROCESS.get()


class VirtualLoop(asyncio.BaseEventLoop):
    """Time passes only when everybody waits, and then at once to the next thing that somebody waits for.

    It replaces the one private method of the standard loop that waits for real time and sockets.
    """

    _ready: deque[asyncio.Handle]

    def __init__(self) -> None:
        super().__init__()
        self._seconds = 0.0
        self._due: list[tuple[float, int, Any]] = []
        self._numbers = count()
        self._tasks: list[asyncio.Task[Any]] = []
        self.errors: list[str] = []
        self.set_exception_handler(self._note_error)
        self.set_task_factory(self._make_task)

    def time(self) -> float:
        return self._seconds

    @property
    def now(self) -> datetime:
        """The true time, which nobody's clock needs to agree with."""
        return BEGINNING + timedelta(microseconds=round(self._seconds * 1_000_000))

    def call_at(
        self, when: float, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """What is due at the same time is done in the order in which it was asked for."""
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._due, (when, next(self._numbers), timer))
        return timer

    def spawn(self, process: Process, work: Coroutine[Any, Any, Any], name: str = "") -> asyncio.Task[Any]:
        """Let the process do this in the background."""
        return self.create_task(work, name=name or process.name, context=process.context)

    def pause(self, process: Process) -> None:
        process.is_paused = True

    def resume(self, process: Process) -> None:
        """It does what it has missed, in the order in which that came."""
        process.is_paused = False
        self._ready.extend(process.held)
        process.held = []

    def kill(self, process: Process) -> None:
        process.is_dead = True
        process.held = []

    def _run_once(self) -> None:
        due, ready = self._due, self._ready
        while due and due[0][2]._cancelled:
            heapq.heappop(due)
        if not ready:
            if not due:
                raise StandStill
            self._seconds = max(self._seconds, due[0][0])
        while due and due[0][0] <= self._seconds:
            ready.append(heapq.heappop(due)[2])
        for _ in range(len(ready)):
            handle: Any = ready.popleft()
            if handle._cancelled:
                continue
            process = handle._context.get(_PROCESS)
            if process is not None and process.is_dead:
                continue
            if process is not None and process.is_paused:
                process.held.append(handle)
                continue
            handle._run()

    def _make_task(
        self, loop: asyncio.AbstractEventLoop, work: Any, context: Context | None = None
    ) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, context=context)
        self._tasks.append(task)
        return task

    def _note_error(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        self.errors.append(f"{context['message']}: {type(error).__name__}: {error}")

    def clear_away(self) -> None:
        """End whatever is under way, here and now rather than when memory is collected."""
        task: Any
        for task in self._tasks:
            if not task.done():
                task._log_destroy_pending = False
                with suppress(RuntimeError):
                    task.get_coro().close()
            elif not task.cancelled():
                task.exception()
        self._tasks.clear()
        self._ready.clear()
        self._due.clear()
        self.close()
