"""Which lanes there are, remembered: lanes are made once and never change."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from application.scheduling.ports import BeginWork
from application.shared.clock import Clock
from application.shared.wake_up import LANES, WakeUp
from domain.scheduling.ids import ExecutorId, LaneId
from domain.scheduling.placement import Capability, Lane
from domain.shared.ids import TenantId

RECHECK = timedelta(seconds=5)
"""How long a lane that another node made may stay unknown here."""


class Lanes:
    """Reads only what is new, and only now and then."""

    def __init__(self, begin: BeginWork, clock: Clock, wake_up: WakeUp) -> None:
        self._begin = begin
        self._clock = clock
        self._wake_up = wake_up
        self._lanes: dict[LaneId, Lane] = {}
        self._served: dict[tuple[TenantId, Capability], tuple[int, list[LaneId], dict[ExecutorId, list[LaneId]]]] = {}
        self._read_at: datetime | None = None
        self._news = 0

    def __getitem__(self, number: LaneId) -> Lane:
        return self._lanes[number]

    def added(self, lane: Lane) -> None:
        """A commit of this process may have made this lane."""
        if lane not in self._lanes.values():
            self._read_at = None
            self._news += 1
            self._wake_up.signal(LANES)

    def look_again(self) -> None:
        """Another node may have made a lane."""
        self._read_at = None
        self._news += 1

    async def served_by(self, tenant: TenantId, capability: Capability, executor_id: ExecutorId) -> list[LaneId]:
        """The lanes that this executor, with this offer, may take tasks from; those of its own come last."""
        await self.refresh()
        key = (tenant, capability)
        known, open_, own = self._served.get(key, (-1, [], {}))
        if known != len(self._lanes):
            open_, own = [], {}
            for number, lane in self._lanes.items():
                if capability.serves(tenant, lane):
                    (open_ if lane.executor is None else own.setdefault(lane.executor, [])).append(number)
            self._served[key] = (len(self._lanes), open_, own)
        mine = own.get(executor_id)
        return open_ if mine is None else [*open_, *mine]

    def own(self, numbers: Iterable[LaneId]) -> frozenset[LaneId]:
        """Those of these lanes whose tasks may go to one executor only."""
        return frozenset(number for number in numbers if self._lanes[number].executor is not None)

    def of_type(self, type_: str) -> list[LaneId]:
        """The known lanes of a type of job."""
        return [number for number, lane in self._lanes.items() if lane.type == type_]

    async def refresh(self) -> None:
        """Read the lanes that others have made, unless that was done a moment ago."""
        now = self._clock.now()
        if self._read_at is not None and now - self._read_at < RECHECK:
            return
        news = self._news
        async with self._begin() as work:
            # From the beginning each time: numbers are given before their commit, so a lower one may show up later.
            found = await work.lanes.after(LaneId(0))
        self._lanes.update(found)
        if news == self._news:  # else a lane was made meanwhile, which this look may have missed
            self._read_at = now
