"""What did not run because a task had failed, taken up again when an operator retries that task."""

from __future__ import annotations

from datetime import datetime

from application.scheduling.ports import SchedulingWork
from application.shared.principal import Principal
from domain.scheduling.dependency import LONGEST_WAIT
from domain.scheduling.errors import RunCancelled
from domain.scheduling.events import TaskRetryScheduled
from domain.scheduling.graph import Graph
from domain.scheduling.ids import JobId, TaskId

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
    until = {id_: _patience(graph, each.job_id, work.now) for id_, each in left_out.items()}
    ordered = sorted(until)
    for first in range(0, len(ordered), BATCH):
        some = {id_: until[id_] for id_ in ordered[first : first + BATCH]}
        back = await work.judgements.wait_again(some, reason)
        work.record(
            [
                TaskRetryScheduled(
                    occurred_at=work.now,
                    task_id=id_,
                    job_id=left_out[id_].job_id,
                    job_name=left_out[id_].job_name,
                    attempt=0,
                    reason=reason,
                )
                for id_ in back
            ]
        )


def _patience(graph: Graph, job_id: JobId, now: datetime) -> datetime:
    dependent = graph.get(job_id)
    wait = None if dependent is None else dependent.wait_timeout
    return now + (LONGEST_WAIT if wait is None else wait)
