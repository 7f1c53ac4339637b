"""Sees each commit at the moment at which it takes place, and writes it down as the invariants read it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from domain.scheduling.executor import Executor, ExecutorStatus
from tests.invariants.history import Entry, Event, ScheduleChange, SessionChange, Task, TaskChange, TaskState
from tests.simulation.store.database import Commit, Database
from tests.simulation.store.rows import TaskRow
from tests.simulation.store.schedule_table import ScheduleRow


class Witness:
    """What the store says."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.tasks: dict[str, Task] = {}
        self.changes: list[TaskChange] = []
        self.by_task: dict[str, list[TaskChange]] = {}
        self.sessions: list[SessionChange] = []
        self.schedules: list[ScheduleChange] = []
        self.events: list[Event] = []
        self._states: dict[str, TaskState] = {}
        self._scheduled: dict[str, ScheduleChange] = {}

    def note(self, commit: Commit) -> tuple[list[TaskChange], list[Event]]:
        """What it did to tasks, and what it told."""
        changes = [self._task_changed(commit, row, live) for row, live in _task_rows(commit)]
        for old, new in commit.changes.get("executors", {}).values():
            self.sessions.append(_session(commit, old, new))
        for _, new in commit.changes.get("schedules", {}).values():
            self._schedule_changed(commit, new)
        told = [
            Event(id=(commit.number, place), tx=str(commit.number), type=event["type"], task=event.get("taskId"))
            for place, event in enumerate(commit.events)
        ]
        self.events += told
        return changes, told

    def _task_changed(self, commit: Commit, row: TaskRow, live: bool) -> TaskChange:
        id_, new = str(row.id), _state(row, live=live)
        known = self.tasks.get(id_)
        if known is None:
            mark = json.loads(row.parameters).get("mark")
            self.tasks[id_] = Task(
                id=id_, job=str(row.job_id), fire_key=row.fire_key, unique_key=row.unique_key, mark=mark
            )
        change = TaskChange(
            tx=str(commit.number),
            began=commit.began,
            at=commit.at,
            task=id_,
            old=self._states.get(id_),
            new=new,
        )
        self._states[id_] = new
        self.changes.append(change)
        self.by_task.setdefault(id_, []).append(change)
        return change

    def _schedule_changed(self, commit: Commit, row: ScheduleRow) -> None:
        s = row.schedule
        self.schedules.append(
            ScheduleChange(
                at=commit.at,
                job=str(s.job_id),
                version=s.job_version,
                last_nominal=s.state.last_nominal,
                fired=s.state.fired_count,
            )
        )

    def ledger(self) -> list[Entry]:
        """As it stands in the end."""
        entries = [(row.occurrence, row.decided_at) for row in self._database.rows("ledger")]
        return [
            Entry(
                job=str(o.job_id),
                fire_key=o.fire_key,
                decision=o.decision.value,
                first_nominal=o.first_nominal,
                nominal=o.last_nominal,
                count=o.count,
                decided_at=decided_at,
                task=None if o.task_id is None else str(o.task_id),
            )
            for o, decided_at in sorted(entries, key=lambda entry: (entry[0].last_nominal, entry[0].id))
        ]

    def ids(self, table: str) -> list[str]:
        """Of the tasks that stand there."""
        return [str(row.id) for row in self._database.rows(table)]


def _task_rows(commit: Commit) -> Iterator[tuple[TaskRow, bool]]:
    """A move to history is one change."""
    live, ended = commit.changes.get("tasks", {}), commit.changes.get("history", {})
    for id_ in {**live, **ended}:
        _, gone = ended.get(id_, (None, None))
        _, there = live.get(id_, (None, None))
        row = there or gone
        if row is not None:
            yield row, there is not None


def _state(row: TaskRow, *, live: bool) -> TaskState:
    return TaskState(
        status=row.status.value,
        attempt=row.attempt,
        ready_at=row.ready_at,
        scheduled_time=row.scheduled_time,
        token=row.token,
        executor=row.holder.executor_id if row.holder else None,
        epoch=row.holder.epoch if row.holder else None,
        lost=row.lost,
        stopping=row.is_stopping,
        live=live,
        deadline_at=row.deadline_at,
        ended_at=row.ended_at,
        error=row.error.code if row.error else None,
        result=_result(row),
    )


def _result(row: TaskRow) -> Any:
    return None if row.result is None else json.loads(row.result)


def _session(commit: Commit, old: Executor | None, new: Executor) -> SessionChange:
    went = new.status is ExecutorStatus.OFFLINE and (old is None or old.status is not ExecutorStatus.OFFLINE)
    return SessionChange(
        at=commit.at,
        executor=new.id,
        epoch=new.epoch,
        status=new.status.value,
        last_beat=new.last_heartbeat_at,
        lost=went and "no heartbeat" in (new.status_reason or ""),
    )
