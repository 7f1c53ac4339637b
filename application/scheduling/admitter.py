"""Gates open: tasks whose time has come, and whom limits let go, stand in their lane."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from application.scheduling.ports import BeginWork
from application.shared.wake_up import WakeUp, lane_topic
from domain.scheduling.admission import admit
from domain.scheduling.ids import LaneId

BATCH = 1000

KEYS_AT_ONCE = 50
"""Keys of limits in one unit of work."""

FIRST_OF_EACH = 50
"""Tasks that are looked at for each of them."""

SOON = timedelta(milliseconds=20)
"""When another node has the keys at hand: it is about to let them go."""


class Admitter:
    """Any number may run at once."""

    def __init__(self, begin: BeginWork, wake_up: WakeUp) -> None:
        self._begin = begin
        self._wake_up = wake_up

    async def tick(self) -> timedelta | None:
        """Open what is due; how long until the next opening, None if nothing waits for a time."""
        following = await self._open_due()
        busy_elsewhere = False
        while (moved := await self._admit()) is not None:
            if not moved:
                busy_elsewhere = True
                break
        async with self._begin() as work:
            free = await work.admissions.next_free()
            waits = [max(at - work.now, timedelta(0)) for at in (following, free) if at is not None]
        return min([*waits, SOON] if busy_elsewhere else waits, default=None)

    async def _open_due(self) -> datetime | None:
        while True:
            async with self._begin() as work:
                opened = await work.queue.open_due(work.now, BATCH)
                if not opened:
                    return await work.queue.next_opening()
                await work.commit()
            self._hint(opened)

    async def _admit(self) -> int | None:
        """Decide about those that wait at keys with room; how many, None if there is no such key."""
        async with self._begin() as work:
            limits = work.admissions
            keys = await limits.keys_with_room(work.now, KEYS_AT_ONCE)
            if not keys:
                return None
            seen = await limits.waiting(keys, FIRST_OF_EACH)
            locked = await limits.lock(frozenset().union(*(each.keys for each in seen)))
            candidates = [
                c for c in await limits.take([c.task_id for c in seen if c.keys <= locked]) if c.keys <= locked
            ]
            standing = await limits.standing(frozenset().union(*(each.keys for each in candidates)))
            admissions = admit(candidates, standing, work.now)
            lanes = await limits.record(admissions, standing.used, work.now)
            await work.commit()
        self._hint(lanes)
        return len(admissions)

    def _hint(self, lanes: Mapping[LaneId, int]) -> None:
        for lane, count in lanes.items():
            if count:
                self._wake_up.signal(lane_topic(lane), count)
