"""The local safety net under the server's time-outs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from scheduler_sdk.execution.attempt import Attempt

ALLOWANCE = 10.0
"""Seconds after the server's own time-out: it decides; this is for when its order never arrives."""


class Deadlines:
    """Finds overdue attempts with one timer, which is set again only when an earlier deadline comes."""

    def __init__(self, running: Mapping[int, Attempt], overdue: Callable[[int], None]) -> None:
        self._running = running
        self._overdue = overdue
        self._timer: asyncio.TimerHandle | None = None

    def add(self, attempt: Attempt) -> None:
        """Set the deadline of an attempt that begins now, if its job has an execution time-out."""
        if attempt.item.timeout_seconds is not None:
            attempt.deadline = asyncio.get_running_loop().time() + attempt.item.timeout_seconds + ALLOWANCE
            self._set(attempt.deadline)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _set(self, deadline: float) -> None:
        if self._timer is None or deadline < self._timer.when():
            if self._timer is not None:
                self._timer.cancel()
            self._timer = asyncio.get_running_loop().call_at(deadline, self._look)

    def _look(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        later = []
        for token, attempt in list(self._running.items()):
            if attempt.deadline is None or attempt.ending is not None:
                continue
            if attempt.deadline <= now:
                self._overdue(token)
            else:
                later.append(attempt.deadline)
        if later:
            self._set(min(later))
