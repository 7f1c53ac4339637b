"""Something that takes events: a stream, a web hook."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol

from domain.notifications.message import Message
from domain.shared.ids import TenantId


class Sink(Protocol):
    """Takes events in order, each at least once."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The same for as long as it exists."""

    @property
    @abstractmethod
    def tenant(self) -> TenantId | None:
        """Whose it is; None: the platform's, with the events of all."""

    @property
    @abstractmethod
    def most(self) -> int:
        """So many events at once."""

    @abstractmethod
    def wants(self, message: Message) -> bool:
        """Whether the event is for it; what is not is passed over."""

    @abstractmethod
    async def publish(self, messages: Sequence[Message]) -> None:
        """Returns when all are acknowledged. Raises `SinkUnavailable`, `MessageRefused`."""
