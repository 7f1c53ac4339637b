"""Dead letters are given another attempt, all that are alike together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from application.scheduling.ports import BeginWork
from application.shared.wake_up import OPENINGS, WakeUp, lane_topic
from domain.scheduling.dead_letter import DeadLetters, Pace, Reopened
from domain.scheduling.errors import OtherCount, TooManyAtOnce
from domain.scheduling.events import TaskRetryScheduled
from domain.scheduling.ids import LaneId

BATCH = 500
MOST = 10_000
"""Tasks of one call: with them it takes some seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Redriven:
    """How many are tried again, and from when the last of them may be claimed; None if there is none."""

    count: int
    last_ready_at: datetime | None


class Redrive:
    """An operator's retry for many tasks."""

    def __init__(self, begin: BeginWork, wake_up: WakeUp) -> None:
        self._begin = begin
        self._wake_up = wake_up

    async def count(self, which: DeadLetters) -> int:
        """How many would be tried again."""
        async with self._begin() as work:
            return await work.dead.count(which)

    async def redrive(self, which: DeadLetters, expected: int, pace: Pace, reason: str | None) -> Redriven:
        """Try exactly these once more, oldest first, in batches: what a broken-off call has not reached stays dead.

        Those that another one takes meanwhile are left out. Raises `OtherCount`, `TooManyAtOnce`.
        """
        start: datetime | None = None
        turns = done = 0
        last: datetime | None = None
        while turns < expected or start is None:
            async with self._begin() as work:
                if start is None:
                    start = work.now
                    if (found := await work.dead.count(which)) != expected:
                        raise OtherCount(expected, found)
                    if found > MOST:
                        raise TooManyAtOnce(found, MOST)
                ids = await work.dead.find(which, min(BATCH, expected - turns)) if turns < expected else ()
                if not ids:
                    break
                reopenings = list(pace.reopenings(ids, turns, start, work.now))
                reopened = await work.dead.reopen(reopenings, reason)
                work.record([_told(each, reason, work.now) for each in reopened])
                await work.commit()
            turns, done = turns + len(ids), done + len(reopened)
            last = reopenings[-1].ready_at if reopened else last
            self._hint(reopened)
            if not reopened:
                break  # what is left is kept back by unique keys of live tasks
        return Redriven(count=done, last_ready_at=last)

    def _hint(self, reopened: Sequence[Reopened]) -> None:
        lanes: dict[LaneId, int] = {}
        for each in reopened:
            if each.gate is None:
                lanes[each.lane] = lanes.get(each.lane, 0) + 1
        for lane, count in lanes.items():
            self._wake_up.signal(lane_topic(lane), count)
        if len(reopened) > sum(lanes.values()):
            self._wake_up.signal(OPENINGS)


def _told(task: Reopened, reason: str | None, now: datetime) -> TaskRetryScheduled:
    return TaskRetryScheduled(
        occurred_at=now,
        task_id=task.task_id,
        job_id=task.job_id,
        job_name=task.job_name,
        attempt=task.attempt,
        reason=reason,
    )
