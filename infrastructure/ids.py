"""Ids and dice of this process."""

from __future__ import annotations

import os
import random
import time
from uuid import UUID

from application.shared.ids import Dice, Ids


class TimeOrderedIds(Ids):
    """UUIDv7 (RFC 9562, 6.2 method 1): milliseconds, a 12-bit counter within one, 62 random bits."""

    def __init__(self) -> None:
        self._millisecond = 0
        self._counter = 0
        self._random = b""
        self._used = 0

    def new(self) -> UUID:
        now = time.time_ns() // 1_000_000
        if now > self._millisecond:
            self._millisecond, self._counter = now, os.urandom(1)[0]
        else:  # the same millisecond, or a clock set back
            self._counter += 1
            if self._counter > 0xFFF:
                self._millisecond, self._counter = self._millisecond + 1, 0
        tail = self._eight_random_bytes() >> 2
        return UUID(int=self._millisecond << 80 | 0x7 << 76 | self._counter << 64 | 0b10 << 62 | tail)

    def _eight_random_bytes(self) -> int:
        if self._used == len(self._random):  # asking the system once for many costs a tenth of asking for each
            self._random, self._used = os.urandom(4096), 0
        self._used += 8
        return int.from_bytes(self._random[self._used - 8 : self._used])


class SystemDice(Dice):
    """The operating system's randomness."""

    def __init__(self) -> None:
        self._random = random.SystemRandom()

    def roll(self) -> float:
        return self._random.random()
