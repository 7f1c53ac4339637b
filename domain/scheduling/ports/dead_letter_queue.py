"""Tasks that have ended without success, by the thousand."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol

from domain.scheduling.dead_letter import DeadLetters, Reopened, Reopening
from domain.scheduling.ids import TaskId


class DeadLetterQueue(Protocol):
    """Finds them, and takes them back to life as sets."""

    @abstractmethod
    async def count(self, which: DeadLetters) -> int:
        """How many there are."""

    @abstractmethod
    async def find(self, which: DeadLetters, limit: int) -> Sequence[TaskId]:
        """At most `limit`, the oldest first."""

    @abstractmethod
    async def reopen(self, reopenings: Sequence[Reopening], reason: str | None) -> Sequence[Reopened]:
        """Those that came back: PENDING, for one more attempt, without the deadline of the task as a whole.

        One that was taken meanwhile, or whose unique key a live task has, stays where it is. Raises `StaleVersion`.
        """
