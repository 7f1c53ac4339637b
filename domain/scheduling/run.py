"""A run as a whole: how it stands, and what it took its time with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.scheduling.graph import Graph
from domain.scheduling.ids import JobId, TaskId
from domain.scheduling.task_status import TaskStatus


class RunState(StrEnum):
    """RUNNING: some of it is alive. FAILED: a task failed or took too long. CANCELLED: somebody ended it."""

    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A task of a run, as far as its place in it matters."""

    task_id: TaskId
    job_id: JobId
    started_at: datetime | None
    ended_at: datetime | None


def state_of(counts: Mapping[TaskStatus, int], *, judged: bool, cancelled: bool) -> RunState:
    """From the numbers of its tasks; unless `judged`, more may come of what has ended."""
    if not judged or any(count and not status.is_final for status, count in counts.items()):
        return RunState.RUNNING
    if cancelled or counts.get(TaskStatus.CANCELLED):
        return RunState.CANCELLED
    if counts.get(TaskStatus.FAILED) or counts.get(TaskStatus.TIMEOUT):
        return RunState.FAILED
    return RunState.COMPLETED


def critical_path(members: Iterable[Member], graph: Graph) -> Sequence[Member]:
    """The chain of tasks that the run's end waited for: from its last end back to whatever each had waited for last."""
    ended = {m.job_id: (m.ended_at, m) for m in members if m.started_at is not None and m.ended_at is not None}
    if not ended:
        return []
    _, last = max(ended.values(), key=lambda each: (each[0], each[1].task_id))
    way = [last]
    while upstreams := [ended[job] for job in graph.upstream_of(way[-1].job_id) if job in ended]:
        way.append(max(upstreams, key=lambda each: (each[0], each[1].task_id))[1])
    return way[::-1]
