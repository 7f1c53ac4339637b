"""Dead letters of the fake store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from domain.scheduling.dead_letter import DEAD, DeadLetters, Reopened, Reopening
from domain.scheduling.ids import TaskId
from domain.scheduling.ports.dead_letter_queue import DeadLetterQueue
from domain.scheduling.task_status import TaskStatus
from tests.unit.application.fake_limits import limit_gate
from tests.unit.application.fake_queues import StoredTask

if TYPE_CHECKING:
    from tests.unit.application.fake_store import Tables


class FakeDeadLetterQueue(DeadLetterQueue):
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def count(self, which: DeadLetters) -> int:
        return len(self._matching(which))

    async def find(self, which: DeadLetters, limit: int) -> Sequence[TaskId]:
        return sorted(task.id for task in self._matching(which))[:limit]

    async def reopen(self, reopenings: Sequence[Reopening], reason: str | None) -> Sequence[Reopened]:
        back = []
        live_keys = {t.unique_key for t in self._tables.tasks.values() if t.is_live and t.unique_key}
        for wish in reopenings:
            task = self._tables.tasks[wish.task_id]
            if task.status not in DEAD or task.unique_key in live_keys:
                continue
            self._tables.tasks[task.id] = replace(
                task,
                status=TaskStatus.PENDING,
                gate=wish.gate or limit_gate(task),
                ready_at=wish.ready_at,
                reason=reason,
                ended_at=None,
                holder=None,
                error=None,
            )
            name = self._tables.jobs[task.job_id].definition.name
            back.append(
                Reopened(
                    task_id=task.id,
                    job_id=task.job_id,
                    job_name=name,
                    attempt=task.attempt,
                    lane=task.lane,
                    gate=wish.gate,
                )
            )
        return back

    def _matching(self, which: DeadLetters) -> list[StoredTask]:
        return [
            task
            for task in self._tables.tasks.values()
            if task.status in DEAD
            and not task.is_live
            and which.job_id in (None, task.job_id)
            and (which.fingerprint is None or (task.error and task.error.fingerprint == which.fingerprint))
        ]
