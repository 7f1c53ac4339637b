"""Work that has to be done now and then, at no particular time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

from application.operations.locking import Locking
from application.shared.wake_up import WakeUp
from domain.operations.lock import LockTerm
from interfaces.loops.looper import Looper

AT_MOST = timedelta(minutes=30)
"""How long the others wait for a node that died in the middle of it."""


def upkeep_loop(
    name: str, work: Callable[[], Awaitable[object]], every: timedelta, wake_up: WakeUp, locking: Locking
) -> Looper:
    """Does `work` at the start and then once in `every`, on one node at a time; the others skip it.

    The lock is kept for half of that time: nodes that look a little later find that it was done.
    """
    term = LockTerm(name=f"upkeep:{name}", at_most=max(AT_MOST, every), at_least=every / 2)

    async def tick() -> None:
        async with locking.holding(term) as lock:
            if lock is not None:
                await work()

    return Looper(name, tick, wake_up, recheck=every)
