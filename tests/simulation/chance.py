"""Everything that is left to chance, drawn from one seed."""

from __future__ import annotations

from datetime import datetime
from random import Random
from uuid import UUID

from application.shared.ids import Dice, Ids
from tests.simulation.loop import BEGINNING, VirtualLoop

_MILLISECOND = 1_000


class SeededIds(Ids):
    """UUIDv7 by the true time, as a process makes them."""

    def __init__(self, loop: VirtualLoop, random: Random) -> None:
        self._loop, self._random = loop, random
        self._last = 0

    def new(self) -> UUID:
        self._last = max(self._last + 1, milliseconds(self._loop.now) << 12)
        high, low = self._last >> 12, self._last & 0xFFF
        return UUID(int=high << 80 | 0x7 << 76 | low << 64 | 0b10 << 62 | self._random.getrandbits(62))


class SeededDice(Dice):
    """Of the same source."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def roll(self) -> float:
        return self._random.random()


def milliseconds(instant: datetime) -> int:
    """Since 1970."""
    return (
        round(BEGINNING.timestamp() * 1000)
        + (instant - BEGINNING).microseconds // _MILLISECOND
        + ((instant - BEGINNING).days * 86_400 + (instant - BEGINNING).seconds) * 1000
    )
