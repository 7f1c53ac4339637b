"""Where new ids and dice come from."""

from __future__ import annotations

from abc import abstractmethod
from typing import Protocol
from uuid import UUID


class Ids(Protocol):
    """Ids are UUIDv7: they sort by the time they were made."""

    @abstractmethod
    def new(self) -> UUID:
        """An id that nobody else has, higher than those made before in this process."""


class Dice(Protocol):
    """Randomness for jitter."""

    @abstractmethod
    def roll(self) -> float:
        """A number in [0, 1)."""
