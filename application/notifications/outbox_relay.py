"""Carries what has happened to all sinks, each at its own pace."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from application.notifications.carrier import Carrier
from application.notifications.ports import SinkDirectory
from application.shared.errors import StoreUnavailable
from domain.notifications.ports.sink import Sink

log = logging.getLogger(__name__)

RECHECK: Final = timedelta(seconds=2)
"""How often it looks when no commit wakes it."""

SOON: Final = timedelta(milliseconds=100)


class OutboxRelay:
    """A sink that is slow or away holds up no other."""

    def __init__(self, directory: SinkDirectory, carrier_of: Callable[[Sink], Carrier]) -> None:
        self._directory = directory
        self._carrier_of = carrier_of
        self._carriers: dict[str, Carrier] = {}
        self._under_way: dict[str, asyncio.Task[None]] = {}

    async def tick(self) -> timedelta:
        """Sets out for every sink that nobody is on the way to; returns when to look again."""
        sinks = {sink.name: sink for sink in await self._directory.sinks()}
        for name in [name for name in self._carriers if name not in sinks]:
            await self._drop(name)
        rest = RECHECK
        for name, sink in sinks.items():
            if name in self._under_way and not self._under_way[name].done():
                rest = min(rest, SOON)  # what is committed now may have come too late for it
                continue
            carrier = self._carriers.setdefault(name, self._carrier_of(sink))
            carrier.sink = sink
            if carrier.rest:
                rest = min(rest, timedelta(seconds=carrier.rest))
            else:
                self._under_way[name] = asyncio.create_task(self._carry(carrier), name=f"sink {name}")
                await asyncio.sleep(0)
        return rest

    async def close(self) -> None:
        """Stop where it stands; other nodes go on at once."""
        for name in list(self._carriers):
            await self._drop(name)

    async def _drop(self, name: str) -> None:
        task = self._under_way.pop(name, None)
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        await self._carriers.pop(name).close()

    async def settled(self) -> None:
        """Until everybody who is on the way has come back."""
        if self._under_way:
            await asyncio.wait(self._under_way.values())

    async def _carry(self, carrier: Carrier) -> None:
        try:
            await carrier.carry()
        except StoreUnavailable as error:
            log.debug("%s waits: %s", carrier.sink.name, error)  # the loop says it
        except Exception:
            log.exception("carrying events to %s failed; it is tried again", carrier.sink.name)
