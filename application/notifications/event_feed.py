"""The bus inside this process: what happens is read once, however many follow it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from domain.notifications.message import START, Message, Position
from domain.notifications.ports.event_log import EventLog

KEPT: Final = 5_000
"""The latest events, for those who are nearly there."""

COMMITS: Final = 200
"""Read at once."""


class EventFeed:
    """Everybody has a position of his own; who is far behind reads the log by himself until he has caught up."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._recent: list[Message] = []
        self._begin = self._end = START
        self._reading = asyncio.Lock()
        self._begun = 0

    async def after(self, position: Position) -> Sequence[Message]:
        """The next events, none if there are none yet."""
        if position < self._begin:
            return await self._log.after(position, COMMITS)
        if position >= self._end:
            await self._read_on(position)
        return [message for message in self._recent if message.position > position]

    async def end(self) -> Position:
        """Where somebody begins who wants only what comes from now on."""
        return await self._log.end()

    async def holds(self, position: Position) -> bool:
        """Whether all that followed this event is still kept."""
        return await self._log.holds(position)

    async def _read_on(self, position: Position) -> None:
        begun = self._begun
        async with self._reading:
            if self._begun > begun and position < self._end:
                return  # somebody has looked after we came
            if position > self._end:  # nobody has followed for a while
                self._recent, self._begin, self._end = [], position, position
            self._begun += 1
            found = await self._log.after(self._end, COMMITS)
            if found:
                self._recent += found
                self._end = found[-1].position
                if len(self._recent) > KEPT:
                    del self._recent[:-KEPT]
                    first = self._recent[0].position
                    self._begin = Position(first.seq, first.index - 1)
