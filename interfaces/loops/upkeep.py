"""Work that has to be done now and then, at no particular time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

from application.shared.wake_up import WakeUp
from interfaces.loops.looper import Looper


def upkeep_loop(name: str, work: Callable[[], Awaitable[object]], every: timedelta, wake_up: WakeUp) -> Looper:
    """Does `work` at the start and then once in `every`."""

    async def tick() -> None:
        await work()

    return Looper(name, tick, wake_up, recheck=every)
