"""The reaper's loop: once a second, so that nothing stays overdue for long."""

from __future__ import annotations

from datetime import timedelta

from application.scheduling.reaper import Reaper
from application.shared.wake_up import WakeUp
from interfaces.loops.looper import Looper

EVERY = timedelta(seconds=1)


def reaper_loop(reaper: Reaper, wake_up: WakeUp) -> Looper:
    """Ends what has gone on for too long."""

    async def tick() -> timedelta:
        await reaper.tick()
        return EVERY

    return Looper("reaper", tick, wake_up)
