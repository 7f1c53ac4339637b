"""Judgements, where nobody waits."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from domain.scheduling.ids import JobId, LaneId, TaskId
from domain.scheduling.ports.judgement_queue import (
    Conclusion,
    Judgement,
    JudgementQueue,
    LeftOut,
    Waiting,
)
from domain.shared.json_value import JsonText


class FakeJudgements(JudgementQueue):
    """Judges are tested on real stores; here no task of the jobs that are changed waits for any other."""

    async def take(self, limit: int) -> Sequence[Judgement]:
        raise NotImplementedError

    async def ask_again(self, job_id: JobId) -> None:
        return

    async def overdue(self, now: datetime, limit: int) -> Sequence[Waiting]:
        raise NotImplementedError

    async def waiting(self, job_ids: Collection[JobId]) -> Sequence[Waiting]:
        raise NotImplementedError

    async def next_timeout(self) -> datetime | None:
        raise NotImplementedError

    async def release(self, tasks: Mapping[TaskId, JsonText | None]) -> Mapping[LaneId, int]:
        raise NotImplementedError

    async def conclude(self, conclusions: Sequence[Conclusion]) -> None:
        raise NotImplementedError

    async def left_out(self, cause: TaskId) -> Sequence[LeftOut]:
        raise NotImplementedError

    async def wait_again(self, tasks: Mapping[TaskId, datetime], reason: str | None) -> Sequence[TaskId]:
        raise NotImplementedError

    async def complete_workflows(self, limit: int) -> Sequence[TaskId]:
        raise NotImplementedError
