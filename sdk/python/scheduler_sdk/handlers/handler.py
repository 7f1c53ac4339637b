"""A function under the name by which jobs ask for it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Literal, TypeVar

from scheduler_sdk.handlers.signature import Signature

F = TypeVar("F", bound=Callable[..., Any])

RunIn = Literal["thread", "process"]


class Handler:
    """`timeout`: seconds after which an attempt fails. `retry` False: a failed attempt is not followed by another.

    Both narrow what the job says, and never widen it: the job's own time-out and retry policy are the server's.
    `run_in` says where a function runs that is not async; None: where it can.
    """

    __slots__ = ("function", "is_async", "name", "retry", "run_in", "signature", "timeout")

    def __init__(
        self, name: str, function: Callable[..., Any], timeout: float | None, retry: bool, run_in: RunIn | None
    ) -> None:
        if not name:
            raise ValueError("a handler needs a name")
        self.name = name
        self.function = function
        self.signature = Signature(name, function)
        called = function if inspect.isroutine(function) else type(function).__call__
        self.is_async = inspect.iscoroutinefunction(called)
        self.timeout = timeout
        self.retry = retry
        self.run_in = run_in
        if self.is_async and run_in is not None:
            raise ValueError(f"{name!r} is async: it runs in the worker's event loop, not in a {run_in}")
        if run_in == "thread" and timeout is not None:
            raise ValueError(f"{name!r} cannot have a time-out: nothing can end a thread")
        if timeout is not None and timeout <= 0.0:
            raise ValueError(f"the time-out of {name!r} must be more than {timeout:g} s")
