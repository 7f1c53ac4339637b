"""How a worker is told to stop."""

from __future__ import annotations

import asyncio


class StopSignal:
    """Asked for, or in a hurry: first the one, then perhaps the other, never back."""

    def __init__(self) -> None:
        self._asked = asyncio.Event()
        self._hurried = asyncio.Event()

    def ask(self, *, at_once: bool) -> None:
        self._asked.set()
        if at_once:
            self._hurried.set()

    @property
    def is_asked(self) -> bool:
        return self._asked.is_set()

    @property
    def is_hurried(self) -> bool:
        return self._hurried.is_set()

    async def asked(self) -> None:
        await self._asked.wait()

    async def hurried(self, patience: float = 0.0) -> None:
        """Wait until there is a hurry, and then for as many seconds more."""
        await self._hurried.wait()
        await asyncio.sleep(patience)
