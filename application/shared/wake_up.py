"""Hints that something may have changed, so that nobody has to poll."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Protocol

PLANNER = "planner"
"""Schedules changed: the next due time may be earlier."""
OPENINGS = "openings"
"""Tasks wait for a time: the next opening may be earlier."""
JUDGEMENTS = "judgements"
"""Others may depend on what has ended."""
CHAINS = "chains"
"""A schedule waits for the end of a run."""
BACKFILLS = "backfills"
"""A backfill was started or resumed."""
OUTBOX = "outbox"
"""Something was committed: there may be new events."""
OPERATIONS = "operations"
"""Somebody wants an operation to be done, or to be done at other times."""
LANES = "lanes"
"""There is a new lane, or tasks came to stand in any of them."""

DRAIN = "drain"
"""This process is about to stop."""
_STOP = "stop:"


def stop_topic(loop: str) -> str:
    """This loop shall stop."""
    return f"{_STOP}{loop}"


def is_of_this_process(topic: str) -> bool:
    """Whether it concerns nobody else: other nodes go on."""
    return topic == DRAIN or topic.startswith(_STOP)


def lane_topic(lane: int) -> str:
    """Tasks came to stand in this lane."""
    return f"lane:{lane}"


def executor_topic(executor_id: str) -> str:
    """Something waits for this executor: an order to stop, a drain."""
    return f"executor:{executor_id}"


def task_topic(task_id: object) -> str:
    """This task ended or has new log lines."""
    return f"task:{task_id}"


class Listener(Protocol):
    """A sleeper that some topics may wake."""

    @abstractmethod
    async def wait(self, timeout: float) -> bool:
        """Sleep until a hint or for `timeout` seconds; whether there was a hint. One that came earlier counts."""


class WakeUp(Protocol):
    """A hint may be lost and may come for nothing: listeners re-check by themselves now and then."""

    @abstractmethod
    def signal(self, topic: str, count: int | None = None) -> None:
        """Wake the listeners of `topic`: all, or the `count` that have waited longest. Call it after the commit."""

    @abstractmethod
    def listen(self, topics: Iterable[str]) -> AbstractContextManager[Listener]:
        """Begin to listen; check the store once after entering, then wait."""
