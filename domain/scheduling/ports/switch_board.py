"""The kill switches that are off."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol

from domain.scheduling.switch import Stopped, Switch


class SwitchBoard(Protocol):
    """Few rows, read as a whole."""

    @abstractmethod
    async def stopped(self) -> Sequence[Stopped]:
        """All that are off."""

    @abstractmethod
    async def stop(self, stopped: Stopped) -> None:
        """Switch it off; one that is off already stays as it is."""

    @abstractmethod
    async def start(self, switch: Switch) -> None:
        """Switch it on, if it is off."""
