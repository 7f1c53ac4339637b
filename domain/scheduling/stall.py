"""An executor that beats and finishes nothing: all that it runs has been running for longer than it usually takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from domain.scheduling.ids import TaskId

PATIENCE: Final = 2
"""Times the usual duration that a task may take before it counts as overlong."""

SHORTEST: Final = timedelta(minutes=1)
"""Nothing is overlong before: what takes moments may once take a little longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningTask:
    """A task in the hands of an executor since `started_at`. `usual`: what its job usually takes, if that is known."""

    task_id: TaskId
    job_name: str
    started_at: datetime
    usual: timedelta | None
    timeout: timedelta | None

    @property
    def overlong_at(self) -> datetime | None:
        """When it will have run for too long; a job that never completed is given its execution timeout.

        None: nobody can say.
        """
        if self.usual is not None:
            return self.started_at + max(SHORTEST, PATIENCE * self.usual)
        return None if self.timeout is None else self.started_at + max(SHORTEST, self.timeout)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stall:
    """Since `since` all of an executor's `tasks` are overlong, those that began first come first."""

    since: datetime
    tasks: Sequence[RunningTask]


def usual_duration(latest: Sequence[timedelta]) -> timedelta | None:
    """The 95th percentile (nearest rank) of the latest completed runs."""
    return sorted(latest)[-(-len(latest) * 95 // 100) - 1] if latest else None


def stall_of(running: Sequence[RunningTask], now: datetime) -> Stall | None:
    """Whether an executor that runs these is stalled; one of them within its time is enough for that it is not."""
    since = [at for at in (task.overlong_at for task in running) if at is not None and at <= now]
    if not running or len(since) < len(running):
        return None
    return Stall(since=max(since), tasks=sorted(running, key=lambda task: (task.started_at, task.task_id)))
