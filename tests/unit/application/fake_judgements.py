"""Judgements and the tasks that wait for them, on the dictionaries of the fake store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from domain.scheduling.ids import JobId, LaneId, TaskId
from domain.scheduling.job_types.built_in import WORKFLOW
from domain.scheduling.placeholders import Source, has_places
from domain.scheduling.ports.judgement_queue import (
    Conclusion,
    Judgement,
    JudgementQueue,
    LeftOut,
    Waiting,
)
from domain.scheduling.task_status import LEFT_OUT, NEVER_RAN, Gate, TaskStatus
from domain.shared.json_value import JsonText
from tests.unit.application.fake_limits import limit_gate
from tests.unit.application.fake_listeners import encoded
from tests.unit.application.fake_queues import StoredTask

if TYPE_CHECKING:
    from tests.unit.application.fake_store import Tables


class FakeJudgements(JudgementQueue):
    def __init__(self, tables: Tables, now: datetime) -> None:
        self._tables, self._now = tables, now

    async def take(self, limit: int) -> Sequence[Judgement]:
        taken = self._tables.judgements[:limit]
        del self._tables.judgements[:limit]
        return list(dict.fromkeys(taken))

    async def ask_again(self, job_id: JobId) -> None:
        self._tables.judgements += [judgement(self._tables, task, job_id) for task in self._waiting([job_id])]

    async def overdue(self, now: datetime, limit: int) -> Sequence[Waiting]:
        over = [t for t in self._waiting() if t.wait_until is not None and t.wait_until <= now]
        return [self._told(task) for task in sorted(over, key=lambda t: (t.wait_until or now, t.id))[:limit]]

    async def waiting(self, job_ids: Collection[JobId]) -> Sequence[Waiting]:
        return [self._told(task) for task in self._waiting(job_ids)]

    async def next_timeout(self) -> datetime | None:
        return min((t.wait_until for t in self._waiting() if t.wait_until is not None), default=None)

    async def release(self, tasks: Mapping[TaskId, JsonText | None]) -> Mapping[LaneId, int]:
        released: Counter[LaneId] = Counter()
        for task in [t for t in self._waiting() if t.id in tasks]:
            patience = self._tables.jobs[task.job_id].definition.timeouts.queue
            gate = limit_gate(task)
            self._tables.tasks[task.id] = replace(
                task,
                status=TaskStatus.PENDING,
                gate=gate,
                ready_at=self._now,
                queue_until=None if patience is None else self._now + patience,
                wait_until=None,
                parameters=tasks[task.id] or task.parameters,
            )
            released[task.lane] += gate is None
        return +released

    async def conclude(self, conclusions: Sequence[Conclusion]) -> None:
        waiting = {task.id: task for task in self._waiting()}
        for end in conclusions:
            if (task := waiting.get(end.task_id)) is not None:
                self._tables.tasks[task.id] = replace(
                    task,
                    status=end.status,
                    gate=None,
                    reason=end.reason,
                    error=end.error,
                    cause=end.cause,
                    ended_at=self._now,
                )

    async def complete_workflows(self, limit: int) -> Sequence[TaskId]:
        theirs = {number for lane, number in self._tables.lanes.items() if lane.type == WORKFLOW.name}
        ready = [t for t in self._tables.tasks.values() if t.is_claimable and t.lane in theirs][:limit]
        for task in ready:
            done = replace(task, status=TaskStatus.COMPLETED, attempt=task.attempt + 1, ended_at=self._now)
            self._tables.tasks[task.id] = done
        return [task.id for task in ready]

    async def left_out(self, cause: TaskId) -> Sequence[LeftOut]:
        found: dict[TaskId, LeftOut] = {}
        causes = [self._tables.tasks[cause]]
        while causes:
            some = [t for t in self._never_ran(LEFT_OUT) if t.cause and any(self._left_out_by(t, c) for c in causes)]
            causes = [task for task in some if task.id not in found]
            for task in some:
                name = self._tables.jobs[task.job_id].definition.name
                found[task.id] = LeftOut(task_id=task.id, job_id=task.job_id, job_name=name)
        return list(found.values())

    def _left_out_by(self, task: StoredTask, cause: StoredTask) -> bool:
        dependent = self._tables.dependents.get(task.job_id)
        if dependent is None:
            return False
        beside = task.run == cause.run and any(link.upstream == cause.job_id for link in dependent.links)
        return beside or task.cause == cause.id

    async def wait_again(self, tasks: Mapping[TaskId, datetime], reason: str | None) -> Sequence[TaskId]:
        back = [task for task in self._never_ran(NEVER_RAN) if task.id in tasks]
        for task in back:
            self._tables.tasks[task.id] = replace(
                task,
                status=TaskStatus.BLOCKED,
                gate=Gate.DEPENDENCY,
                reason=reason,
                error=None,
                cause=None,
                ended_at=None,
                wait_until=tasks[task.id],
            )
        return [task.id for task in back]

    def _waiting(self, job_ids: Collection[JobId] | None = None) -> list[StoredTask]:
        waiting = [task for task in self._tables.tasks.values() if task.gate is Gate.DEPENDENCY]
        return sorted((t for t in waiting if job_ids is None or t.job_id in job_ids), key=lambda task: task.id)

    def _never_ran(self, statuses: Collection[TaskStatus]) -> Iterable[StoredTask]:
        return [task for task in self._tables.tasks.values() if task.status in statuses and not task.attempt]

    def _told(self, task: StoredTask) -> Waiting:
        parameters = parameters_of(self._tables, task)
        return Waiting(
            task_id=task.id,
            tenant=self._tables.jobs[task.job_id].tenant,
            job_id=task.job_id,
            run_id=task.run,
            nominal=task.nominal_at or task.scheduled_time,
            wait_until=task.wait_until,
            parameters=parameters if has_places(parameters, Source.UPSTREAM) else None,
        )


def parameters_of(tables: Tables, task: StoredTask) -> JsonText:
    """Its own, or else its job's."""
    return task.parameters or encoded(tables.jobs[task.job_id].definition.parameters)


def judgement(tables: Tables, task: StoredTask, job_id: JobId) -> Judgement:
    """For the job, because of that task."""
    return Judgement(tenant=tables.jobs[task.job_id].tenant, job_id=job_id, run_id=task.run)


def judgements_between(before: Mapping[TaskId, StoredTask], after: Tables) -> Iterator[Judgement]:
    """What tasks leave that have just ended for good, or that have just begun to wait for others."""
    for task in after.tasks.values():
        former = before.get(task.id)
        if not task.is_live and (former is None or former.is_live):
            dependents = [d for d in after.dependents.values() if any(link.upstream == task.job_id for link in d.links)]
            yield from (judgement(after, task, dependent.job_id) for dependent in dependents)
        elif task.gate is Gate.DEPENDENCY and (former is None or former.gate is not Gate.DEPENDENCY):
            yield judgement(after, task, task.job_id)
