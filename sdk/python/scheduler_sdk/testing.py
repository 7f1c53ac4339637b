"""Calls a handler as a worker does, without a server: for the tests of handlers."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import Raw

from scheduler_sdk.context import Channel, TaskContext, encoded_result
from scheduler_sdk.handlers.signature import Signature
from scheduler_sdk.wire import Item, Level


@dataclass(slots=True)
class Called:
    """What came of a call: the result as readers of the API see it, and what the handler said meanwhile."""

    result: Any = None
    log: list[tuple[Level, str]] = field(default_factory=list)
    progress: float | None = None
    progress_message: str | None = None
    checkpoint: Any = None

    @property
    def messages(self) -> list[str]:
        """The log without its levels."""
        return [message for _, message in self.log]


def call(
    handler: Callable[..., Any],
    parameters: object = None,
    *,
    checkpoint: object = None,
    attempt: int = 1,
    stopping: bool = False,
) -> Called:
    """Run a handler with these parameters, which go through JSON as those of a job do.

    `checkpoint` is what an earlier attempt has saved, `stopping` whether this one is told to stop from the beginning.
    Raises what the handler raises, and `TaskFailed` for parameters that do not fit and a result that is not JSON. For
    an async handler in an async test there is `call_async`.
    """
    return asyncio.run(call_async(handler, parameters, checkpoint=checkpoint, attempt=attempt, stopping=stopping))


async def call_async(
    handler: Callable[..., Any],
    parameters: object = None,
    *,
    checkpoint: object = None,
    attempt: int = 1,
    stopping: bool = False,
) -> Called:
    """`call`, where an event loop runs already."""
    called = Called()
    item = Item("a-task", 1, attempt, "a-job", "PYTHON", checkpoint=Raw(msgspec.json.encode(checkpoint)))
    context = TaskContext(item, _Recorder(called, stopping))
    given = Raw(msgspec.json.encode({} if parameters is None else parameters))
    args, named = Signature(getattr(handler, "__name__", "handler"), handler).arguments(given, context)
    result = handler(*args, **named)
    encoded = encoded_result(await result if inspect.isawaitable(result) else result)
    called.result = None if encoded is None else msgspec.json.decode(encoded)
    return called


class _Recorder(Channel):
    def __init__(self, called: Called, stopping: bool) -> None:
        self._called = called
        self._stopping = stopping

    @property
    def stopping(self) -> bool:
        return self._stopping

    def line(self, level: Level, message: str) -> None:
        self._called.log.append((level, message))

    def progress(self, progress: float, message: str | None) -> None:
        self._called.progress, self._called.progress_message = progress, message

    def checkpoint(self, checkpoint: Raw) -> None:
        self._called.checkpoint = msgspec.json.decode(checkpoint)
