"""The right to serve one sink."""

from __future__ import annotations

from abc import abstractmethod
from typing import Protocol


class Lease(Protocol):
    """Kept for as long as there is work under it, and prolonged on the way."""

    @property
    @abstractmethod
    def token(self) -> int | None:
        """Higher than that of all who had it before; None while somebody else may have it."""

    @abstractmethod
    async def hold(self) -> int | None:
        """Take it, or keep it for longer; its token, None if somebody else has it. Raises `StoreUnavailable`."""

    @abstractmethod
    async def give_back(self) -> None:
        """Others may have it now. Raises `StoreUnavailable`."""

    @abstractmethod
    def forget(self) -> None:
        """Somebody else has it."""
