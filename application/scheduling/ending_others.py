"""A fire takes the place of the earlier tasks of its job: they are cancelled, in the same unit of work."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from application.scheduling.metrics import Metrics
from application.scheduling.ports import SchedulingWork
from application.shared.wake_up import OPENINGS, WakeUp, executor_topic, task_topic
from domain.scheduling.firing import Firing
from domain.scheduling.ids import JobId, TaskId
from domain.scheduling.occurrence import Decision
from domain.scheduling.task import NewTask, TaskInstance

REASON = "a later fire of its job takes its place"


async def end_others(
    work: SchedulingWork, firings: Collection[Firing], created: Sequence[NewTask]
) -> Sequence[TaskInstance]:
    """What was alive before those that were just created, of the jobs whose policy wants it so."""
    jobs = {firing.after.job_id for firing in firings if firing.ends_others}
    return await end_tasks_before(work, jobs, {task.id for task in created}) if jobs else ()


async def end_tasks_before(
    work: SchedulingWork, jobs: Collection[JobId], created: Collection[TaskId]
) -> Sequence[TaskInstance]:
    """Cancel the live tasks of the jobs but those; a fire that waited for its turn was superseded.

    Tasks that somebody has asked for directly are no business of a job's overlap policy.
    """
    live = await work.tasks.live_fires_of(jobs)
    others = [task for task in live if task.id not in created and not task.is_stopping]
    await work.schedules.supersede([task.id for task in others], REASON)
    for task in others:
        task.cancel(REASON, work.now)
        await work.tasks.save(task)
    return others


async def drop_waiting(work: SchedulingWork, job_id: JobId, why: str | None) -> None:
    """A job goes out of service: fires that wait for their turn will not have it. What has begun goes on."""
    reason = "the job was disabled before its turn" + (f": {why}" if why else "")
    waiting = frozenset(await work.schedules.waiting(job_id))
    if not waiting:
        return
    await work.schedules.supersede(sorted(waiting), reason, Decision.SKIPPED_DISABLED)
    for task in await work.tasks.live_fires_of([job_id]):
        if task.id in waiting:
            task.cancel(reason, work.now)
            await work.tasks.save(task)


def tell_ended(wake_up: WakeUp, metrics: Metrics, ended: Sequence[TaskInstance]) -> None:
    """After the commit: executors hear that they shall stop, and whoever waits for these that they have ended."""
    if not ended:
        return
    metrics.settled([task.status for task in ended])
    wake_up.signal(OPENINGS)
    for task in ended:
        if task.lease is not None:
            wake_up.signal(executor_topic(task.lease.executor_id))
        wake_up.signal(task_topic(task.id))
