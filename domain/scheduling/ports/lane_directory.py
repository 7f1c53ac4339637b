"""The lanes of the platform and their numbers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Protocol

from domain.scheduling.ids import LaneId
from domain.scheduling.placement import Lane


class LaneDirectory(Protocol):
    """Lanes are made once and never change, so their numbers may be remembered."""

    @abstractmethod
    async def number(self, lane: Lane) -> LaneId:
        """The lane's number, given to it now if it is new."""

    @abstractmethod
    async def after(self, last: LaneId) -> Mapping[LaneId, Lane]:
        """The lanes with a higher number than `last`."""
