"""The job type PYTHON: calls the handler of a task, where it is to run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from msgspec import Raw

from scheduler_sdk.context import TaskContext, encoded_result
from scheduler_sdk.errors import TaskEnd, TaskFailed
from scheduler_sdk.execution.attempt import Attempt
from scheduler_sdk.execution.journal import Journal
from scheduler_sdk.execution.threads import in_thread
from scheduler_sdk.handlers.failures import end_of
from scheduler_sdk.handlers.handler import Handler
from scheduler_sdk.handlers.speaking import LocalChannel

HANDLER_TIMEOUT = "HANDLER_TIMEOUT"


class PythonWork:
    """The handlers of a worker. Async ones run in its event loop, any other in a thread of its own."""

    def __init__(self) -> None:
        self._handlers: dict[str, Handler] = {}

    @property
    def names(self) -> list[str]:
        return sorted(self._handlers)

    def add(self, handler: Handler) -> None:
        if handler.name in self._handlers:
            raise ValueError(f"there is already a handler {handler.name!r}")
        self._handlers[handler.name] = handler

    async def run(self, attempt: Attempt, journal: Journal) -> Raw | None:
        """The encoded result of the attempt's handler. Raises `TaskEnd`."""
        name = attempt.item.handler or ""
        handler = self._handlers.get(name)
        if handler is None:
            raise TaskFailed("HANDLER_NOT_FOUND", f"this worker has no handler {name!r}")
        signature = handler.signature
        context = TaskContext(attempt.item, LocalChannel(attempt, journal)) if signature.takes_context else None
        args, named = signature.arguments(attempt.item.parameters, context)
        if not handler.is_async:
            return await _in_thread(lambda: handler.function(*args, **named), attempt, handler)
        try:
            if handler.timeout is None:
                result = await handler.function(*args, **named)
            else:
                result = await _within(handler, handler.function(*args, **named))
        except asyncio.CancelledError as error:
            if attempt.ending is not None:
                raise
            raise end_of(error, retryable=handler.retry) from None  # the handler's own doing
        except (Exception, SystemExit) as error:
            raise end_of(error, retryable=handler.retry) from None
        return encoded_result(result)


async def _within(handler: Handler, running: Any) -> Any:
    """Its result. A `TimeoutError` of the handler itself is like any other exception of it."""
    bound = asyncio.timeout(handler.timeout)
    try:
        async with bound:
            return await running
    except TimeoutError:
        if not bound.expired():
            raise
        raise timed_out(handler) from None


def timed_out(handler: Handler) -> TaskFailed:
    return TaskFailed(HANDLER_TIMEOUT, f"the handler {handler.name!r} took longer than its {handler.timeout:g} s")


async def _in_thread(call: Callable[[], object], attempt: Attempt, handler: Handler) -> Raw | None:
    """Waits for the thread even when told to stop, for nothing can end it; told so at once, leaves it behind."""

    def guarded() -> Raw | None | TaskEnd:
        try:
            return encoded_result(call())
        except BaseException as error:
            return end_of(error, retryable=handler.retry)

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
    if isinstance(outcome, TaskEnd):
        raise outcome
    return outcome
