"""Runs as a whole: looked at, and ended."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec

from application.scheduling.metrics import UNCOUNTED, Metrics
from application.scheduling.ports import BeginWork
from application.scheduling.queries import Slice
from application.scheduling.views import View
from application.shared.page import Page
from application.shared.principal import Principal
from application.shared.wake_up import JUDGEMENTS, WakeUp, executor_topic, task_topic
from domain.scheduling.errors import RunNotFound, TaskNotFound
from domain.scheduling.ids import JobId, RunId, TaskId
from domain.scheduling.run import Member, critical_path, state_of
from domain.scheduling.task_status import TaskStatus
from domain.shared.ids import TenantId

BATCH = 200
"""Tasks that are cancelled in one transaction."""


class RunTaskView(View, frozen=True, kw_only=True):
    """A task of a run."""

    task_id: UUID
    job_id: UUID
    job_name: str
    status: str
    status_reason: str | None
    started_at: datetime | None
    ended_at: datetime | None


class RunSummary(View, frozen=True, kw_only=True):
    """A run, by the task that it began with; `tasks` counts its tasks by status."""

    run_id: UUID
    job_id: UUID
    job_name: str
    state: str
    created_at: datetime
    tasks: dict[str, int]


class RunView(View, frozen=True, kw_only=True):
    """A run with its tasks. `criticalPath`: the ids of those that its end waited for, one after the other."""

    run_id: UUID
    job_id: UUID
    job_name: str
    state: str
    cancelled: str | None
    started_at: datetime | None
    ended_at: datetime | None
    tasks: Sequence[RunTaskView]
    critical_path: Sequence[UUID]


class RunRoot(msgspec.Struct, frozen=True, kw_only=True):
    """The task that a run began with."""

    run_id: UUID
    job_id: UUID
    job_name: str
    created_at: datetime


class RunStanding(msgspec.Struct, frozen=True, kw_only=True):
    """How a run stands: its tasks by status, whether all ends have been judged, and why it was cancelled if it was."""

    counts: dict[str, int]
    judged: bool
    cancelled: str | None


class RunReader(Protocol):
    """The read side of runs."""

    @abstractmethod
    async def run_roots(self, tenant: TenantId, job_id: UUID | None, page: Slice) -> Page[RunRoot]:
        """The newest first."""

    @abstractmethod
    async def run_standings(self, tenant: TenantId, runs: Collection[UUID]) -> Mapping[UUID, RunStanding]:
        """How they stand."""

    @abstractmethod
    async def run_tasks(self, tenant: TenantId, run_id: UUID) -> Sequence[RunTaskView]:
        """Its tasks, the oldest first; none for a run that there is not."""


class Runs:
    """What began with one fire, as one thing."""

    def __init__(self, begin: BeginWork, reader: RunReader, wake_up: WakeUp, metrics: Metrics = UNCOUNTED) -> None:
        self._begin = begin
        self._reader = reader
        self._wake_up = wake_up
        self._metrics = metrics

    async def page(self, principal: Principal, job_id: UUID | None, page: Slice) -> Page[RunSummary]:
        """The newest first, of all jobs or of those that began with one."""
        roots = await self._reader.run_roots(principal.tenant, job_id, page)
        standings = await self._reader.run_standings(principal.tenant, [root.run_id for root in roots.items])
        items = [
            RunSummary(
                run_id=root.run_id,
                job_id=root.job_id,
                job_name=root.job_name,
                state=_state(standings[root.run_id]),
                created_at=root.created_at,
                tasks=standings[root.run_id].counts,
            )
            for root in roots.items
        ]
        return Page(items=items, next_cursor=roots.next_cursor)

    async def one(self, principal: Principal, run_id: RunId) -> RunView:
        """Raises `RunNotFound`."""
        tasks = await self._reader.run_tasks(principal.tenant, run_id)
        root = next((task for task in tasks if task.task_id == run_id), None)
        if root is None:
            raise RunNotFound(run_id)
        standing = (await self._reader.run_standings(principal.tenant, [run_id]))[run_id]
        async with self._begin() as work:
            graph = await work.graph.load(principal.tenant)
        members = [
            Member(
                task_id=TaskId(task.task_id),
                job_id=JobId(task.job_id),
                started_at=task.started_at,
                ended_at=task.ended_at,
            )
            for task in tasks
        ]
        state = _state(standing)
        ends = [task.ended_at for task in tasks if task.ended_at is not None]
        return RunView(
            run_id=run_id,
            job_id=root.job_id,
            job_name=root.job_name,
            state=state,
            cancelled=standing.cancelled,
            started_at=min((task.started_at for task in tasks if task.started_at is not None), default=None),
            ended_at=max(ends, default=None) if state != "RUNNING" else None,
            tasks=tasks,
            critical_path=[member.task_id for member in critical_path(members, graph)],
        )

    async def cancel(self, principal: Principal, run_id: RunId, reason: str | None) -> None:
        """End all of it that is alive, and let nothing more come of it. Raises `RunNotFound`."""
        async with self._begin() as work:
            try:
                await work.tasks.get(principal.tenant, TaskId(run_id))
            except TaskNotFound:
                raise RunNotFound(run_id) from None
            await work.graph.lock(principal.tenant)  # whoever judges now has finished; whoever judges later knows
            await work.runs.cancel(principal.tenant, run_id, reason, principal.name)
            await work.commit()
        while await self._cancel_some(principal, run_id, reason):
            pass
        self._wake_up.signal(JUDGEMENTS)

    async def _cancel_some(self, principal: Principal, run_id: RunId, reason: str | None) -> bool:
        """Whether there were any: some may have ended by themselves, and others are left."""
        cancelled = []
        async with self._begin() as work:
            found = await work.runs.live(principal.tenant, run_id, BATCH)
            for task_id in found:
                task = await work.tasks.get(principal.tenant, task_id)
                if task.status.is_final:
                    continue  # it has just ended by itself
                task.cancel(reason or "its run was cancelled", work.now)
                await work.tasks.save(task)
                cancelled.append(task)
            await work.commit()
        self._metrics.settled([task.status for task in cancelled])
        for task in cancelled:
            self._wake_up.signal(task_topic(task.id))
            if task.lease is not None:
                self._wake_up.signal(executor_topic(task.lease.executor_id))
        return bool(found)


def _state(standing: RunStanding) -> str:
    counts = Counter({TaskStatus(status): count for status, count in standing.counts.items()})
    return state_of(counts, judged=standing.judged, cancelled=standing.cancelled is not None)
