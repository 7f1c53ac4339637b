"""What waits for the end of a run goes on once it has ended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from application.scheduling.ports import BeginWork
from application.shared.wake_up import CHAINS, PLANNER, WakeUp, task_topic
from domain.scheduling.ids import TaskId

BATCH = 500

MOST_LISTENED_TO = 200
"""Runs whose end wakes the follower at once; more than these are found by looking."""

LOOK_AGAIN = timedelta(seconds=1)
"""While a run is awaited: not every way to end is told, least of all that of another node."""

AT_ONCE = timedelta(0)


class Follower:
    """Any number of them may run at once. What it finds it hands to the planner, which asks the triggers."""

    def __init__(self, begin: BeginWork, wake_up: WakeUp) -> None:
        self._begin = begin
        self._wake_up = wake_up
        self._topics = [CHAINS]

    def topics(self) -> Sequence[str]:
        """What to listen to while waiting for the next `tick`."""
        return self._topics

    async def tick(self) -> timedelta | None:
        """Let go on what can; how long until the next look, None if nothing is awaited."""
        awaited: Sequence[TaskId] = ()
        while True:
            async with self._begin() as work:
                if not await work.chains.go_on(work.now, BATCH):
                    awaited = await work.chains.awaited(MOST_LISTENED_TO)
                    break
                await work.commit()
            self._wake_up.signal(PLANNER)
        topics = [CHAINS, *map(task_topic, awaited)]
        if topics != self._topics:
            self._topics = topics
            return AT_ONCE  # an end between this look and the first moment of listening would be missed
        return LOOK_AGAIN if awaited else None
