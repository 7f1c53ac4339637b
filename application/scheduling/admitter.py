"""Gates open: tasks whose time has come stand in their lane."""

from __future__ import annotations

from datetime import timedelta

from application.scheduling.ports import BeginWork
from application.shared.wake_up import WakeUp, lane_topic

BATCH = 1000


class Admitter:
    """Any number may run at once."""

    def __init__(self, begin: BeginWork, wake_up: WakeUp) -> None:
        self._begin = begin
        self._wake_up = wake_up

    async def tick(self) -> timedelta | None:
        """Open what is due; how long until the next opening, None if nothing waits for a time."""
        while True:
            async with self._begin() as work:
                opened = await work.queue.open_due(work.now, BATCH)
                if not opened:
                    following = await work.queue.next_opening()
                    return None if following is None else max(following - work.now, timedelta(0))
                await work.commit()
            for lane, count in opened.items():
                self._wake_up.signal(lane_topic(lane), count)
