"""One attempt of a task, as this worker sees it."""

from __future__ import annotations

import asyncio
from enum import Enum

from msgspec import Raw

from scheduler_sdk.execution.budget import OutputBudget
from scheduler_sdk.wire import Item, Kind, Lease, LogLine


class Ending(Enum):
    """How an attempt is closed that did not end by itself."""

    STOPPED = "the server has ended it and waits to hear that it has stopped"
    RELEASE = "the worker gives it back, so that another one may take it"
    SILENT = "the lease is lost: nobody would listen"


class Attempt:
    """Holds a slot until its work has ended, and its lease until its last report is acknowledged."""

    __slots__ = (
        "begun",
        "budget",
        "checkpoint",
        "deadline",
        "ending",
        "grace",
        "in_flight",
        "item",
        "line_bytes",
        "lines",
        "logs",
        "pending",
        "progress",
        "progress_message",
        "task",
    )

    def __init__(self, item: Item, grace: float, budget: OutputBudget) -> None:
        # Views into the answer that brought them would keep all of it alive.
        item.parameters = item.parameters.copy()
        item.checkpoint = item.checkpoint.copy()
        self.item = item
        self.budget = budget
        self.task: asyncio.Task[None] | None = None
        self.begun = False
        """Whether the task has taken its first step: one cancelled before that would never run its own clean-up."""
        self.ending: Ending | None = None
        self.grace = grace
        """Seconds that the work has to stop by itself when it is asked to."""
        self.deadline: float | None = None
        self.lines: list[LogLine] = []
        self.logs = 0
        """How many LOG reports there were."""
        self.line_bytes = 0
        self.progress: float | None = None
        self.progress_message: str | None = None
        self.checkpoint: Raw | None = None
        self.pending: list[tuple[Kind, Raw]] = []
        """Reports, encoded, that no call carries yet."""
        self.in_flight = False
        """Whether a call carries reports of this attempt: the next ones wait, or they could overtake."""

    @property
    def lease(self) -> Lease:
        return Lease(self.item.task_id, self.item.token)

    def stop(self, ending: Ending, *, at_once: bool = False) -> bool:
        """Ask the work to stop. Returns whether this was new; the first ending holds, unless the session is lost."""
        new = self.ending is None
        if new or ending is Ending.SILENT:
            self.ending = ending
        if at_once:
            self.grace = 0.0
        if (new or at_once) and self.begun and self.task is not None:
            self.task.cancel()
        return new
