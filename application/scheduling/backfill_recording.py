"""The fires of a backfill, written up: ledger entries, tasks and events, with the ids they need."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from application.scheduling.recording import WrittenUp
from application.shared.ids import Ids
from domain.scheduling.backfill import Backfill
from domain.scheduling.events import OccurrenceDecided, TaskCreated
from domain.scheduling.ids import OccurrenceId, RunId, TaskId
from domain.scheduling.occurrence import Decision, Occurrence
from domain.scheduling.ports.schedule_queue import Fired
from domain.scheduling.schedule import Schedule
from domain.scheduling.task import NewTask, Origin
from domain.shared.events import DomainEvent


def write_up_backfill(
    backfill: Backfill, schedule: Schedule, times: Sequence[datetime], ids: Ids, now: datetime
) -> WrittenUp:
    """Each of these times fires, planned for now; the schedule stays as it is.

    A task has the nominal time of long ago and the scheduled time of today: in its lane it must not stand before those
    that wait since this morning.
    """
    occurrences: list[Occurrence] = []
    tasks: list[NewTask] = []
    events: list[DomainEvent] = []
    for nominal in times:
        key, id_ = backfill.key_of(nominal), ids.new()
        task = NewTask(
            id=TaskId(id_),
            job_id=schedule.job_id,
            job_version=schedule.job_version,
            run_id=RunId(id_),
            origin=Origin.BACKFILL,
            fire_key=key,
            nominal_at=nominal,
            scheduled_time=now,
            gate=None,
            priority=backfill.plan.priority,
        )
        tasks.append(task)
        occurrences.append(
            Occurrence(
                id=OccurrenceId(ids.new()),
                job_id=schedule.job_id,
                fire_key=key,
                decision=Decision.FIRED,
                first_nominal=nominal,
                last_nominal=nominal,
                planned_at=now,
                count=1,
                reason=f"backfill {backfill.id}",
                task_id=task.id,
                job_version=schedule.job_version,
            )
        )
        events.append(TaskCreated(occurred_at=now, task_id=task.id, job_id=task.job_id, scheduled_time=now))
        events.append(
            OccurrenceDecided(
                occurred_at=now,
                job_id=schedule.job_id,
                fire_key=key,
                nominal_at=nominal,
                decision=Decision.FIRED,
                count=1,
                task_id=task.id,
                reason=occurrences[-1].reason,
            )
        )
    fired = Fired(occurrences=occurrences, tasks=tasks, schedules=())
    return WrittenUp(fired=fired, events=events, lanes={schedule.lane: len(tasks)})
