"""The job type PYTHON: functions registered under a name."""

from __future__ import annotations

import asyncio
import inspect
import traceback
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from msgspec import Raw

from scheduler_sdk.context import TaskContext, encoded_result
from scheduler_sdk.errors import TaskFailed
from scheduler_sdk.execution.attempt import Attempt
from scheduler_sdk.execution.journal import Journal
from scheduler_sdk.execution.text import MESSAGE_BYTES, STACK_BYTES, bounded, bounded_tail
from scheduler_sdk.execution.threads import in_thread

Handler = Callable[[TaskContext, Any], Any]
"""Takes the context and the job's parameters as decoded JSON; returns JSON, or None. May be a coroutine function."""

F = TypeVar("F", bound=Handler)


class PythonHandlers:
    """The handlers of a worker. Coroutine functions run in its event loop, any other in a thread of its own."""

    def __init__(self) -> None:
        self._handlers: dict[str, tuple[Handler, bool]] = {}

    @property
    def names(self) -> list[str]:
        return sorted(self._handlers)

    def add(self, name: str, handler: Handler) -> None:
        if not name:
            raise ValueError("a handler needs a name")
        if name in self._handlers:
            raise ValueError(f"there is already a handler {name!r}")
        called = handler if inspect.isroutine(handler) else type(handler).__call__
        self._handlers[name] = handler, inspect.iscoroutinefunction(called)

    async def run(self, attempt: Attempt, journal: Journal) -> Raw | None:
        """The encoded result of the attempt's handler. Raises `TaskFailed`."""
        name = attempt.item.handler or ""
        found = self._handlers.get(name)
        if found is None:
            raise TaskFailed("HANDLER_NOT_FOUND", f"this worker has no handler {name!r}")
        handler, is_coroutine = found
        context = TaskContext(attempt, journal)
        parameters = msgspec.json.decode(attempt.item.parameters)
        if not is_coroutine:
            return await _in_thread(lambda: handler(context, parameters), attempt)
        try:
            result = await handler(context, parameters)
        except asyncio.CancelledError as error:
            if attempt.ending is not None:
                raise
            raise _failure(error) from None  # the handler's own doing
        except (Exception, SystemExit) as error:
            raise _failure(error) from None
        return encoded_result(result)


async def _in_thread(call: Callable[[], object], attempt: Attempt) -> Raw | None:
    """Waits for the thread even when told to stop, for nothing can end it; told so at once, leaves it behind."""

    def guarded() -> Raw | None | TaskFailed:
        try:
            return encoded_result(call())
        except BaseException as error:
            return _failure(error)

    running = in_thread(guarded, f"task {attempt.item.task_id}")
    stopped: asyncio.CancelledError | None = None
    while not running.done():
        try:
            await asyncio.wait([running])
        except asyncio.CancelledError as cancelled:
            stopped = cancelled
            if attempt.grace == 0.0:
                break
    if stopped is not None:
        raise stopped
    outcome = running.result()
    if isinstance(outcome, TaskFailed):
        raise outcome
    return outcome


def _failure(error: BaseException) -> TaskFailed:
    if isinstance(error, TaskFailed):
        return error
    try:
        told = str(error)
    except Exception as broken:
        told = f"(its message cannot be shown: {broken!r})"
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename == __file__:  # those that called the handler
        frames = frames.tb_next
    stack = "".join(traceback.format_exception(type(error), error, frames))
    return TaskFailed(type(error).__name__, bounded(told, MESSAGE_BYTES), stack=bounded_tail(stack, STACK_BYTES))
