"""Schedules whose next fire follows from the end of a run."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from domain.scheduling.ids import TaskId


class ChainQueue(Protocol):
    """State, not messages: whatever way a run ends, and whoever misses it, the next look finds it ended."""

    @abstractmethod
    async def go_on(self, now: datetime, limit: int) -> int:
        """Schedules whose awaited run is no longer alive learn when it ended, and are due: their trigger can be asked.

        At most `limit`, skipping those that others hold. How many.
        """

    @abstractmethod
    async def awaited(self, limit: int) -> Sequence[TaskId]:
        """Some of the runs that schedules await."""
