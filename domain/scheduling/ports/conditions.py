"""Conditions of edges."""

from __future__ import annotations

from abc import abstractmethod
from typing import Protocol

from domain.scheduling.ports.run_book import End


class Conditions(Protocol):
    """Understands expressions over `status`, `result` and `parameters` of an upstream's task."""

    @abstractmethod
    def check(self, text: str) -> None:
        """Raises `Invalid` if the text is no expression that answers true or false; the pointer is `/condition`."""

    @abstractmethod
    def objection(self, text: str, end: End) -> str | None:
        """None if it is true of this end, or else why it is not, within bounded time."""
