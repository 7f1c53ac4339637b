"""What the use cases of scheduling count, for whoever watches them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

from domain.scheduling.occurrence import Occurrence
from domain.scheduling.task import Origin
from domain.scheduling.task_status import TaskStatus


class Metrics(Protocol):
    """Told after the commit, once for a whole set: nobody waits for it, and it raises nothing."""

    @abstractmethod
    def decided(self, occurrences: Sequence[Occurrence], now: datetime) -> None:
        """The planner has decided these at `now`."""

    @abstractmethod
    def created(self, origin: Origin, count: int) -> None:
        """There are so many more tasks."""

    @abstractmethod
    def settled(self, statuses: Iterable[TaskStatus]) -> None:
        """Attempts have ended, and their tasks came to these states."""

    @abstractmethod
    def waited(self, seconds: Sequence[float]) -> None:
        """So long had each of these attempts been ready when an executor took it."""

    @abstractmethod
    def ran(self, seconds: Sequence[float]) -> None:
        """So long did each of these attempts run until its executor reported the end."""


class Uncounted(Metrics):
    """Nobody watches."""

    def decided(self, occurrences: Sequence[Occurrence], now: datetime) -> None:
        pass

    def created(self, origin: Origin, count: int) -> None:
        pass

    def settled(self, statuses: Iterable[TaskStatus]) -> None:
        pass

    def waited(self, seconds: Sequence[float]) -> None:
        pass

    def ran(self, seconds: Sequence[float]) -> None:
        pass


UNCOUNTED = Uncounted()
