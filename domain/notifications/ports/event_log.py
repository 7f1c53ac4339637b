"""The log of all events, as far as they are kept."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol

from domain.notifications.message import Message, Position


class EventLog(Protocol):
    """In the order of commits as far as two can be compared: events of one aggregate never change places.

    Raises `StoreUnavailable`.
    """

    @abstractmethod
    async def after(self, position: Position, limit: int) -> Sequence[Message]:
        """The next events of up to `limit` commits. Nothing will ever be committed before the last of them."""

    @abstractmethod
    async def end(self) -> Position:
        """The last event that is committed now."""

    @abstractmethod
    async def holds(self, position: Position) -> bool:
        """Whether all that followed this event is still kept."""
