"""Dead letters: tasks that have ended without success and have no attempts left; and giving them another one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.scheduling.ids import JobId, LaneId, TaskId
from domain.scheduling.task_status import Gate, TaskStatus
from domain.shared.errors import FieldProblem, raise_all
from domain.shared.ids import TenantId

DEAD: tuple[TaskStatus, ...] = (TaskStatus.FAILED, TaskStatus.TIMEOUT)
"""Who cancelled a task, or skipped it, did not want it to run."""

FASTEST = 10_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetters:
    """Which of a tenant's: None = any. Ended not before `since` and before `until`; of jobs that may run."""

    tenant: TenantId
    fingerprint: str | None = None
    job_id: JobId | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopening:
    """A dead letter that is to be tried once more from `ready_at`; until then it waits behind `gate`."""

    task_id: TaskId
    ready_at: datetime
    gate: Gate | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopened:
    """One that is alive again."""

    task_id: TaskId
    job_id: JobId
    job_name: str
    attempt: int
    lane: LaneId
    gate: Gate | None


@dataclass(frozen=True, slots=True)
class Pace:
    """How many a second are tried again; None = all at once. What broke may break again under all of them together."""

    per_second: float | None = None

    def __post_init__(self) -> None:
        if self.per_second is not None and not 0 < self.per_second <= FASTEST:
            detail = f"ratePerSecond is more than 0 and at most {FASTEST:.0f}, not {self.per_second}."
            raise_all([FieldProblem("/ratePerSecond", "OUT_OF_RANGE", detail)])

    def reopenings(self, ids: Sequence[TaskId], before: int, start: datetime, now: datetime) -> Iterator[Reopening]:
        """`before` have been given their turn since `start`; these come next, in their order."""
        for number, id_ in enumerate(ids, before):
            ready = start if self.per_second is None else start + timedelta(seconds=number / self.per_second)
            yield Reopening(task_id=id_, ready_at=max(ready, now), gate=Gate.TIME if ready > now else None)
