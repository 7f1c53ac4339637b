"""What a handler knows of the task it runs, and may say about it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

import msgspec
from msgspec import Raw

from scheduler_sdk.errors import Stopping, TaskFailed
from scheduler_sdk.wire import Item, Level

LARGEST_RESULT = 256 * 1024
_NOT_JSON = "RESULT_NOT_JSON"


class Channel(Protocol):
    """Where a handler's words go, from any thread."""

    @property
    def stopping(self) -> bool: ...

    def line(self, level: Level, message: str) -> None: ...

    def progress(self, progress: float, message: str | None) -> None: ...

    def checkpoint(self, checkpoint: Raw) -> None: ...


class TaskLog:
    """The log of the task. A line is at most 16 KiB; fields are added to it as `name=value`."""

    __slots__ = ("_channel",)

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def debug(self, message: str, **fields: object) -> None:
        self._channel.line("DEBUG", _with_fields(message, fields))

    def info(self, message: str, **fields: object) -> None:
        self._channel.line("INFO", _with_fields(message, fields))

    def warning(self, message: str, **fields: object) -> None:
        self._channel.line("WARN", _with_fields(message, fields))

    def error(self, message: str, **fields: object) -> None:
        self._channel.line("ERROR", _with_fields(message, fields))


class TaskContext:
    """What a handler gets that has an argument of this type. Its methods may be called from any thread."""

    __slots__ = ("_channel", "_item")

    def __init__(self, item: Item, channel: Channel) -> None:
        self._item = item
        self._channel = channel

    @property
    def task_id(self) -> str:
        return self._item.task_id

    @property
    def token(self) -> int:
        """Rises with every attempt on the whole platform: hand it to what you write to, to fence off older ones."""
        return self._item.token

    @property
    def attempt(self) -> int:
        """Which try this is, from 1."""
        return self._item.attempt

    @property
    def job_name(self) -> str:
        return self._item.job_name

    @property
    def deadline_at(self) -> datetime | None:
        """When the server ends this attempt as timed out."""
        return self._item.deadline_at

    @property
    def nominal_at(self) -> datetime | None:
        """The time of the schedule that it runs for, however late, also in a backfill; None if it runs for none."""
        return self._item.nominal_at

    @property
    def traceparent(self) -> str | None:
        return self._item.traceparent

    @property
    def checkpoint(self) -> Any:
        """What an earlier attempt saved last; None if nothing."""
        return msgspec.json.decode(self._item.checkpoint)

    @property
    def log(self) -> TaskLog:
        return TaskLog(self._channel)

    @property
    def stopping(self) -> bool:
        """Whether the attempt was cancelled, timed out or lost. A function that is not async should look now and then.

        An async one need not: `asyncio.CancelledError` is raised in it.
        """
        return self._channel.stopping

    def raise_if_stopping(self) -> None:
        """Raises `Stopping` if the attempt was told to stop."""
        if self._channel.stopping:
            raise Stopping

    def progress(self, progress: float, message: str | None = None) -> None:
        """Say how far the work has come, from 0 to 1, and what is being done.

        The message stands at the task until the next call, and in the log; of a longer one 1,000 characters are shown.
        """
        if not 0.0 <= progress <= 1.0:
            raise ValueError(f"progress goes from 0 to 1, not to {progress}")
        self._channel.progress(progress, message)
        if message is not None:
            self._channel.line("INFO", message)

    def save_checkpoint(self, checkpoint: object) -> None:
        """Keep JSON of up to 256 KiB for the next attempt, if there must be one.

        Raises `TypeError` for what is not JSON, and `ValueError` for what is too large.
        """
        raw = Raw(msgspec.json.encode(checkpoint))
        if (size := len(memoryview(raw))) > LARGEST_RESULT:
            raise ValueError(f"the checkpoint has {size:,} bytes of JSON; at most {LARGEST_RESULT:,} are kept")
        self._channel.checkpoint(raw)


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


def _with_fields(message: str, fields: dict[str, object]) -> str:
    return " ".join([message, *(f"{name}={value}" for name, value in fields.items())]) if fields else message
