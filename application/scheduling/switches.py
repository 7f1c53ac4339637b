"""Kill switches: thrown here, honoured by every node within seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, Protocol

from application.scheduling.ports import BeginWork
from application.shared.clock import Clock
from application.shared.principal import Principal
from application.shared.wake_up import LANES, PLANNER, WakeUp
from domain.scheduling.switch import CLAIMING, FIRING, Stopped, Switch, SwitchKind
from domain.shared.ids import TenantId

RECHECK: Final = timedelta(seconds=5)
"""How long a switch that another node has thrown may stay unknown here."""


class Stops(Protocol):
    """What is stopped at the moment, for those who have to honour it."""

    async def firing_is_stopped(self) -> bool:
        """Whether schedules are to be left alone."""
        ...

    async def claiming_is_stopped(self) -> bool:
        """Whether executors are to be given nothing."""
        ...

    async def paused_pools(self, tenant: TenantId) -> frozenset[str]:
        """The pools whose tasks wait."""
        ...


class Switches(Stops):
    """Remembers what is off, and reads it again every `RECHECK`: honouring it costs nothing in between."""

    def __init__(self, begin: BeginWork, clock: Clock, wake_up: WakeUp) -> None:
        self._begin = begin
        self._clock = clock
        self._wake_up = wake_up
        self._off: Mapping[Switch, Stopped] = {}
        self._read_at: datetime | None = None
        self._news = 0
        self._reading = asyncio.Lock()

    async def stop(self, principal: Principal, switch: Switch, reason: str) -> None:
        """Throw it; one that is off already keeps its first reason."""
        async with self._begin() as work:
            await work.switches.stop(Stopped(switch=switch, reason=reason, since=work.now, by=principal.name))
            await work.commit()
        self._thrown()

    async def start(self, switch: Switch) -> None:
        """Let it go on, at once on this node."""
        async with self._begin() as work:
            await work.switches.start(switch)
            await work.commit()
        self._thrown()

    async def firing_is_stopped(self) -> bool:
        return FIRING in await self._known()

    async def claiming_is_stopped(self) -> bool:
        return CLAIMING in await self._known()

    async def paused_pools(self, tenant: TenantId) -> frozenset[str]:
        off = await self._known()
        paused = (switch.pool for switch in off if switch.kind is SwitchKind.POOL and switch.tenant == tenant)
        return frozenset(pool for pool in paused if pool is not None) if off else frozenset()

    def look_again(self) -> None:
        """Another node may have thrown one."""
        self._read_at = None
        self._news += 1

    def _thrown(self) -> None:
        self._read_at = None
        self._news += 1
        for topic in (PLANNER, LANES):
            self._wake_up.signal(topic)

    async def _known(self) -> Mapping[Switch, Stopped]:
        if not self._is_fresh:
            async with self._reading:  # nobody goes on by what was true before
                if not self._is_fresh:
                    await self._read()
        return self._off

    @property
    def _is_fresh(self) -> bool:
        return self._read_at is not None and self._clock.now() - self._read_at < RECHECK

    async def _read(self) -> None:
        now, news = self._clock.now(), self._news
        async with self._begin() as work:
            self._off = {each.switch: each for each in await work.switches.stopped()}
        if news == self._news:  # else one was thrown meanwhile, which this look may have missed
            self._read_at = now


class _NothingStopped(Stops):
    async def firing_is_stopped(self) -> bool:
        return False

    async def claiming_is_stopped(self) -> bool:
        return False

    async def paused_pools(self, tenant: TenantId) -> frozenset[str]:
        return frozenset()


NOTHING_STOPPED: Final[Stops] = _NothingStopped()
"""For those who have nobody to obey."""
