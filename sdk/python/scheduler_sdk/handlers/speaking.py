"""The channel of a handler that runs in the worker's own process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from msgspec import Raw

from scheduler_sdk.context import Channel
from scheduler_sdk.execution.attempt import Attempt
from scheduler_sdk.execution.journal import Journal
from scheduler_sdk.wire import Level

STREAM = "handler"


class LocalChannel(Channel):
    """Hands on to the attempt's journal, in the event loop that made this."""

    __slots__ = ("_attempt", "_journal", "_loop", "_thread")

    def __init__(self, attempt: Attempt, journal: Journal) -> None:
        self._attempt = attempt
        self._journal = journal
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()

    @property
    def stopping(self) -> bool:
        return self._attempt.ending is not None

    def line(self, level: Level, message: str) -> None:
        self._in_loop(lambda: self._journal.line(self._attempt, level, STREAM, message))

    def progress(self, progress: float, message: str | None) -> None:
        self._in_loop(lambda: self._journal.progress(self._attempt, progress, message))

    def checkpoint(self, checkpoint: Raw) -> None:
        self._in_loop(lambda: self._journal.checkpoint(self._attempt, checkpoint))

    def _in_loop(self, call: Callable[[], None]) -> None:
        if threading.get_ident() == self._thread:
            call()
        else:
            self._loop.call_soon_threadsafe(call)
