"""What a handler knows of the task it runs, and may say about it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Raw

from scheduler_sdk.errors import TaskFailed
from scheduler_sdk.execution.attempt import Attempt
from scheduler_sdk.execution.journal import Journal
from scheduler_sdk.wire import Level

LEVELS = ("DEBUG", "INFO", "WARN", "ERROR")
STREAM = "handler"
LARGEST_RESULT = 256 * 1024
_NOT_JSON = "RESULT_NOT_JSON"


class TaskContext:
    """The first argument of a handler. Its methods may be called from any thread."""

    __slots__ = ("_attempt", "_journal", "_loop", "_thread")

    def __init__(self, attempt: Attempt, journal: Journal) -> None:
        self._attempt = attempt
        self._journal = journal
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()

    @property
    def task_id(self) -> str:
        return self._attempt.item.task_id

    @property
    def token(self) -> int:
        """Rises with every attempt on the whole platform: hand it to what you write to, to fence off older ones."""
        return self._attempt.item.token

    @property
    def attempt(self) -> int:
        """Which try this is, from 1."""
        return self._attempt.item.attempt

    @property
    def job_name(self) -> str:
        return self._attempt.item.job_name

    @property
    def deadline_at(self) -> datetime | None:
        """When the server ends this attempt as timed out."""
        return self._attempt.item.deadline_at

    @property
    def traceparent(self) -> str | None:
        return self._attempt.item.traceparent

    @property
    def checkpoint(self) -> Any:
        """What an earlier attempt saved last; None if nothing."""
        return msgspec.json.decode(self._attempt.item.checkpoint)

    @property
    def stopping(self) -> bool:
        """Whether the attempt was cancelled, timed out or lost. A handler in a thread should look now and then."""
        return self._attempt.ending is not None

    def log(self, message: str, level: Level = "INFO") -> None:
        """Write one line to the task's log, at most 16 KiB of it."""
        if level not in LEVELS:
            raise ValueError(f"a log level is one of {', '.join(LEVELS)}, not {level!r}")
        self._in_loop(lambda: self._journal.line(self._attempt, level, STREAM, message))

    def progress(self, progress: float, message: str | None = None) -> None:
        """Say how far the work has come, from 0 to 1."""
        if not 0.0 <= progress <= 1.0:
            raise ValueError(f"progress goes from 0 to 1, not to {progress}")
        self._in_loop(lambda: self._journal.progress(self._attempt, progress, message))

    def save_checkpoint(self, checkpoint: object) -> None:
        """Keep JSON of up to 256 KiB for the next attempt, if there must be one.

        Raises `TypeError` for what is not JSON, and `ValueError` for what is too large.
        """
        raw = Raw(msgspec.json.encode(checkpoint))
        if (size := len(memoryview(raw))) > LARGEST_RESULT:
            raise ValueError(f"the checkpoint has {size:,} bytes of JSON; at most {LARGEST_RESULT:,} are kept")
        self._in_loop(lambda: self._journal.checkpoint(self._attempt, raw))

    def _in_loop(self, call: Callable[[], None]) -> None:
        if threading.get_ident() == self._thread:
            call()
        else:
            self._loop.call_soon_threadsafe(call)


def encoded_result(result: object) -> Raw | None:
    """A handler's result as JSON; None if there is none.

    Raises `TaskFailed`, never to be retried: the work is done, and doing it again would not mend its answer.
    """
    if result is None:
        return None
    try:
        raw = msgspec.json.encode(result)
    except Exception as error:  # also a RecursionError, or what a custom type raises
        raise TaskFailed(_NOT_JSON, f"the result is not JSON: {error}", retryable=False) from None
    if len(raw) > LARGEST_RESULT:
        told = f"the result has {len(raw):,} bytes of JSON; at most {LARGEST_RESULT:,} are kept"
        raise TaskFailed("RESULT_TOO_LARGE", told, retryable=False)
    return Raw(raw)
