"""Answers to: why is it not running, why has it not fired?"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from application.scheduling.ports import BeginWork
from application.shared.principal import Principal
from domain.scheduling.executor import Liveness
from domain.scheduling.explanation import Explanation
from domain.scheduling.ids import JobId, TaskId
from domain.scheduling.job import Job
from domain.scheduling.job_explanation import DecisionFacts, JobFacts, explain_fire
from domain.scheduling.switch import FIRING
from domain.scheduling.task_explanation import StopFacts, TaskFacts, explain
from domain.shared.ids import TenantId
from domain.timing.ports import Calendars


class ExplanationReader(Protocol):
    """What explanations need to know, read without locks."""

    @abstractmethod
    async def task_facts(self, tenant: TenantId, task_id: TaskId) -> tuple[TaskFacts, datetime]:
        """All that is known of a task, live or from history, and when that was. Raises `TaskNotFound`."""

    @abstractmethod
    async def decisions_at(self, job_id: JobId, at: datetime) -> Sequence[DecisionFacts]:
        """What the ledger says about a time: entries that span it, or a fire that was planned for it."""

    @abstractmethod
    async def health_error(self, job_id: JobId) -> str | None:
        """Why its schedule is set aside, if it is."""


class Explanations:
    """The rules that decide also explain: nothing here is guessed from outside."""

    def __init__(self, begin: BeginWork, reader: ExplanationReader, calendars: Calendars, liveness: Liveness) -> None:
        self._begin = begin
        self._reader = reader
        self._calendars = calendars
        self._liveness = liveness

    async def task(self, principal: Principal, task_id: TaskId) -> Explanation:
        """Why it is not running, or what became of it. Raises `TaskNotFound`."""
        facts, now = await self._reader.task_facts(principal.tenant, task_id)
        return explain(facts, now, self._liveness.timeout)

    async def job(self, principal: Principal, key: JobId | str, at: datetime | None) -> tuple[Job, Explanation]:
        """Why it fired at a nominal time or did not; without one, what of its next fire. Raises `JobNotFound`."""
        async with self._begin() as work:
            job = await work.jobs.get(principal.tenant, key, even_unreadable=True)
            schedule = await work.schedules.take(job.id)
            stops = {stopped.switch: stopped for stopped in await work.switches.stopped()}
            now = work.now
        firing = stops.get(FIRING)
        facts = JobFacts(
            job=job,
            schedule=schedule,
            trigger=job.definition.trigger,
            health_error=await self._reader.health_error(job.id),
            firing=None if firing is None else StopFacts(reason=firing.reason, since=firing.since, by=firing.by),
            decisions=() if at is None else await self._reader.decisions_at(job.id, at),
        )
        return job, explain_fire(facts, at, self._calendars, now)
