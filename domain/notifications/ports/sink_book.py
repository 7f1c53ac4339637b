"""What is kept about sinks."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from domain.notifications.sink import DeadLetter, SinkRecord
from domain.shared.ids import TenantId


class SinkBook(Protocol):
    """Each call is a unit of work of its own. `token` is that of the lock under which a sink is served:

    once a higher one was here, a lower one changes nothing. Raises `StoreUnavailable`.
    """

    @abstractmethod
    async def open(self, name: str, tenant: TenantId | None, token: int) -> SinkRecord | None:
        """How far it is; a new one stands at the end. None if a higher token was here."""

    @abstractmethod
    async def move(self, record: SinkRecord, token: int) -> bool:
        """It has come so far; False, and nothing changes, if a higher token was here."""

    @abstractmethod
    async def bury(self, letter: DeadLetter, record: SinkRecord, token: int) -> bool:
        """The event is dead, and the sink has come so far, both or none of it."""

    @abstractmethod
    async def letters_due(self, name: str, limit: int) -> Sequence[DeadLetter]:
        """Dead letters that shall be sent again, the oldest first."""

    @abstractmethod
    async def letter_sent(self, letter_id: UUID) -> None:
        """It has arrived, and is a dead letter no more."""

    @abstractmethod
    async def letter_refused(self, letter_id: UUID, error: str) -> None:
        """It is dead as before, with one more attempt."""
