"""Answers to: why is it not running, why has it not fired?"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from application.scheduling.looking import condition_of, look, standing_place
from application.scheduling.ports import BeginWork
from application.shared.principal import Principal
from domain.scheduling.dependency_explanation import DependencyFacts, EdgeFacts
from domain.scheduling.executor import Liveness
from domain.scheduling.explanation import Explanation
from domain.scheduling.ids import JobId, TaskId
from domain.scheduling.job import Job
from domain.scheduling.job_explanation import DecisionFacts, JobFacts, explain_fire
from domain.scheduling.judging import judge_edges
from domain.scheduling.ports.conditions import Conditions
from domain.scheduling.ports.judgement_queue import Waiting
from domain.scheduling.switch import FIRING
from domain.scheduling.task_explanation import StopFacts, TaskFacts, explain
from domain.scheduling.task_status import Gate
from domain.shared.ids import TenantId
from domain.timing.ports import Calendars


class ExplanationReader(Protocol):
    """What explanations need to know, read without locks."""

    @abstractmethod
    async def task_facts(self, tenant: TenantId, task_id: TaskId) -> tuple[TaskFacts, datetime]:
        """All that is known of a task, live or from history, and when that was. Raises `TaskNotFound`."""

    @abstractmethod
    async def waiting(self, tenant: TenantId, task_id: TaskId) -> Waiting | None:
        """The task, if it waits for its dependencies."""

    @abstractmethod
    async def decisions_at(self, job_id: JobId, at: datetime) -> Sequence[DecisionFacts]:
        """What the ledger says about a time: entries that span it, or a fire that was planned for it."""

    @abstractmethod
    async def health_error(self, job_id: JobId) -> str | None:
        """Why its schedule is set aside, if it is."""


class Explanations:
    """The rules that decide also explain: nothing here is guessed from outside."""

    def __init__(
        self,
        begin: BeginWork,
        reader: ExplanationReader,
        calendars: Calendars,
        conditions: Conditions,
        liveness: Liveness,
    ) -> None:
        self._conditions = conditions
        self._begin = begin
        self._reader = reader
        self._calendars = calendars
        self._liveness = liveness

    async def task(self, principal: Principal, task_id: TaskId) -> Explanation:
        """Why it is not running, or what became of it. Raises `TaskNotFound`."""
        facts, now = await self._reader.task_facts(principal.tenant, task_id)
        if facts.gate is Gate.DEPENDENCY and (waiting := await self._reader.waiting(principal.tenant, task_id)):
            facts = replace(facts, dependencies=await self._dependencies(waiting))
        return explain(facts, now, self._liveness.timeout)

    async def _dependencies(self, waiting: Waiting) -> DependencyFacts:
        async with self._begin() as work:
            graph = await work.graph.load(waiting.tenant)
            root = (await work.runs.roots([waiting.run_id])).get(waiting.run_id)
            place = standing_place(waiting, graph, root)
            (sights,), ends = await look(work, [place])
        links = place.dependent.links
        verdicts = judge_edges(place.dependent, sights, condition_of(self._conditions, ends))
        return DependencyFacts(
            edges=[
                EdgeFacts(job=link.name, type=link.type, outcome=v.outcome, why=v.reason, task_id=v.cause)
                for link, v in zip(links, verdicts, strict=True)
            ],
            required=place.dependent.required,
            wait_until=waiting.wait_until,
        )

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
