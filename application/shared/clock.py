"""The time of this process; only for waiting and for stores that have no clock of their own."""

from __future__ import annotations

from abc import abstractmethod
from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Aware UTC."""

    @abstractmethod
    def now(self) -> datetime:
        """This instant."""
