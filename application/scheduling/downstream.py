"""What did not run because a task had failed, taken up again when an operator retries that task."""

from __future__ import annotations

from datetime import datetime

from application.scheduling.ports import SchedulingWork
from application.shared.principal import Principal
from domain.scheduling.dependency import LONGEST_WAIT
from domain.scheduling.errors import RunCancelled
from domain.scheduling.events import TaskRetryScheduled
from domain.scheduling.graph import Dependent
from domain.scheduling.ids import JobId, TaskId
from domain.scheduling.placeholders import Source, has_places
from domain.scheduling.task import TaskInstance
from domain.shared.events import DomainEvent

BATCH = 500
"""Tasks that one statement takes back."""


async def wait_again(work: SchedulingWork, principal: Principal, task_id: TaskId, reason: str | None) -> None:
    """Everything that the end of this task left out waits once more, as long as a task may that begins to wait now.

    To be called before the task itself comes back. Raises `RunCancelled` if nothing more may come of its run.
    """
    await work.graph.lock(principal.tenant)  # who judges now has finished, and what that left out is seen here
    end = (await work.runs.ends([task_id])).get(task_id)
    root = None if end is None else (await work.runs.roots([end.run_id])).get(end.run_id)
    if end is not None and root is not None and root.cancelled is not None:
        raise RunCancelled(end.run_id, root.cancelled)
    graph = await work.graph.load(principal.tenant)
    left_out = {each.task_id: each for each in await work.judgements.left_out(task_id)}
    until = {id_: _patience(graph.get(each.job_id), work.now) for id_, each in left_out.items()}
    ordered = sorted(until)
    for first in range(0, len(ordered), BATCH):
        some = {id_: until[id_] for id_ in ordered[first : first + BATCH]}
        back = await work.judgements.wait_again(some, reason)
        told = [(id_, left_out[id_]) for id_ in back]
        work.record([_tried_again(id_, each.job_id, each.job_name, reason, work.now) for id_, each in told])


async def is_to_be_filled(work: SchedulingWork, task: TaskInstance) -> bool:
    """Whether it never ran, so that values of its upstreams are still missing in its parameters."""
    if task.attempt:
        return False
    end = (await work.runs.ends([task.id])).get(task.id)
    return end is not None and has_places(end.parameters, Source.UPSTREAM)


async def wait_for_values(work: SchedulingWork, task: TaskInstance, reason: str | None) -> None:
    """Instead of standing in the queue at once, one that is retried waits for its upstreams, which may have ended."""
    until = _patience(await work.graph.find(task.job_id), work.now)
    for id_ in await work.judgements.wait_again({task.id: until}, reason):
        work.record([_tried_again(id_, task.job_id, task.job_name, reason, work.now)])


def _tried_again(task_id: TaskId, job_id: JobId, job_name: str, reason: str | None, now: datetime) -> DomainEvent:
    return TaskRetryScheduled(
        occurred_at=now, task_id=task_id, job_id=job_id, job_name=job_name, attempt=0, reason=reason
    )


def _patience(dependent: Dependent | None, now: datetime) -> datetime:
    wait = None if dependent is None else dependent.wait_timeout
    return now + (LONGEST_WAIT if wait is None else wait)
