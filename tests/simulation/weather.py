"""The way to the store and back: slow, and at times it breaks off."""

from __future__ import annotations

import asyncio
from random import Random

from application.shared.errors import StoreUnavailable
from tests.simulation.store.database import Weather


class ChangingWeather(Weather):
    """Set from outside while the world runs."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self.is_away = False
        self.lost_statements = self.lost_commits = 0.0
        self.slowest = 0.002

    async def before(self) -> None:
        await self._travel()
        self._maybe_lose(self.lost_statements)

    async def after(self) -> None:
        self._maybe_lose(self.lost_statements)

    async def after_commit(self) -> None:
        await self._travel()
        self._maybe_lose(self.lost_commits)

    async def _travel(self) -> None:
        await asyncio.sleep(self._random.random() * self.slowest)

    def _maybe_lose(self, chance: float) -> None:
        if self.is_away:
            raise StoreUnavailable("connection refused")
        if chance and self._random.random() < chance:
            raise StoreUnavailable("connection reset by peer")
