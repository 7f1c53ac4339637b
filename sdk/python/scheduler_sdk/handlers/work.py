"""The job type PYTHON: calls the handler of a task, where it is to run."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from msgspec import Raw

from scheduler_sdk.context import TaskContext, encoded_result
from scheduler_sdk.errors import TaskEnd, TaskFailed
from scheduler_sdk.execution.attempt import Attempt
from scheduler_sdk.execution.journal import Journal
from scheduler_sdk.execution.slots import Work
from scheduler_sdk.execution.threads import in_thread
from scheduler_sdk.handlers.children import Children, ProcessLimits
from scheduler_sdk.handlers.failures import end_of
from scheduler_sdk.handlers.frames import Call, Ended
from scheduler_sdk.handlers.handler import Handler
from scheduler_sdk.handlers.importable import importable_name
from scheduler_sdk.handlers.speaking import LocalChannel

T = TypeVar("T")

logger = logging.getLogger("scheduler_sdk")

RESERVED = ("COMMAND", "PYTHON")
HANDLER_TIMEOUT = "HANDLER_TIMEOUT"


class PythonWork:
    """The handlers of a worker. Async ones run in its event loop, any other in a child process or in a thread."""

    def __init__(self, limits: ProcessLimits) -> None:
        self._handlers: dict[str, Handler] = {}
        self._types: dict[str, Handler] = {}
        self._targets: dict[Handler, str] = {}
        """By which name a child process imports the handlers that run in one."""
        self._children = Children(limits)

    @property
    def names(self) -> list[str]:
        return sorted(self._handlers)

    def add(self, handler: Handler) -> None:
        if handler.name in self._handlers:
            raise ValueError(f"there is already a handler {handler.name!r}")
        self._handlers[handler.name] = handler

    def add_type(self, handler: Handler) -> None:
        """All tasks of the type that it is named for are run by this one."""
        if handler.name in RESERVED or handler.name in self._types:
            raise ValueError(f"there is already a job type {handler.name!r}")
        self._types[handler.name] = handler

    def works(self) -> dict[str, Work]:
        """What runs each type of task."""
        works: dict[str, Work] = {name: partial(self._call, handler) for name, handler in self._types.items()}
        return works | ({"PYTHON": self.run} if self._handlers else {})

    def settle(self) -> None:
        """Decide where each handler runs, now that the modules they are in are complete.

        Raises `ValueError` for one that is to run in a process and cannot.
        """
        threads = []
        for handler in (*self._handlers.values(), *self._types.values()):
            name = handler.name
            if handler.is_async or handler.run_in == "thread":
                continue
            if (target := importable_name(handler.function)) is not None:
                self._targets[handler] = target
            elif handler.run_in == "process" or handler.timeout is not None:
                raise ValueError(f"{name!r} cannot run in a process, as it is to: it is no function of a module")
            else:
                threads.append(name)
        if threads:
            logger.info("in threads, for they are not functions of a module: %s", ", ".join(sorted(threads)))

    async def close(self) -> None:
        """End the child processes, all of which are idle."""
        await self._children.close()

    async def run(self, attempt: Attempt, journal: Journal) -> Raw | None:
        """The encoded result of the attempt's handler. Raises `TaskEnd`."""
        name = attempt.item.handler or ""
        handler = self._handlers.get(name)
        if handler is None:
            raise TaskFailed("HANDLER_NOT_FOUND", f"this worker has no handler {name!r}")
        return await self._call(handler, attempt, journal)

    async def _call(self, handler: Handler, attempt: Attempt, journal: Journal) -> Raw | None:
        if (target := self._targets.get(handler)) is not None:
            return await self._in_child(handler, Call(target, attempt.item, handler.retry), attempt, journal)
        signature = handler.signature
        context = TaskContext(attempt.item, LocalChannel(attempt, journal)) if signature.takes_context else None
        args, named = signature.arguments(attempt.item.parameters, context)
        if not handler.is_async:
            return await _in_thread(lambda: handler.function(*args, **named), attempt, handler)
        try:
            result = await _within(handler, handler.function(*args, **named))
        except asyncio.CancelledError as error:
            if attempt.ending is not None:
                raise
            raise end_of(error, retryable=handler.retry) from None  # the handler's own doing
        except (Exception, SystemExit) as error:
            raise end_of(error, retryable=handler.retry) from None
        return encoded_result(result)

    async def _in_child(self, handler: Handler, call: Call, attempt: Attempt, journal: Journal) -> Raw | None:
        try:
            child = await self._children.take()
        except OSError as error:
            raise TaskFailed("START_FAILED", f"no process could be started for the handler: {error}") from None
        try:
            ended: Ended = await _within(handler, child.call(call, attempt, journal))
        except BaseException as error:
            await child.stop(attempt.grace)
            if isinstance(error, TaskFailed):
                raise end_of(error, retryable=handler.retry) from None
            raise
        finally:
            self._children.give_back(child)
        return ended.outcome()


async def _within(handler: Handler, running: Awaitable[T]) -> T:
    """Its result. A `TimeoutError` of the handler itself is like any other exception of it."""
    if handler.timeout is None:
        return await running
    bound = asyncio.timeout(handler.timeout)
    try:
        async with bound:
            return await running
    except TimeoutError:
        if not bound.expired():
            raise
        told = f"the handler {handler.name!r} took longer than its {handler.timeout:g} s"
        raise TaskFailed(HANDLER_TIMEOUT, told) from None


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
