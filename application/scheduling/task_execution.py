"""Tasks: asked for, handed to executors, reported on, cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from application.scheduling.assignments import Assignments
from application.scheduling.filling import fill_without_event
from application.scheduling.lanes import Lanes
from application.scheduling.metrics import UNCOUNTED, Metrics
from application.scheduling.ports import BeginWork
from application.scheduling.report_intake import ReportIntake
from application.scheduling.sessions import Sessions
from application.scheduling.switches import NOTHING_STOPPED, Stops
from application.scheduling.task_keys import asked_keys
from application.scheduling.upstream_filling import fill_without_upstreams
from application.shared.draining import Draining
from application.shared.ids import Ids
from application.shared.principal import Principal
from application.shared.wake_up import (
    DRAIN,
    JUDGEMENTS,
    LANES,
    OPENINGS,
    WakeUp,
    executor_topic,
    lane_topic,
    task_topic,
)
from domain.scheduling.errors import UniqueKeyTaken
from domain.scheduling.ids import ExecutorId, JobId, LaneId, RunId, TaskId
from domain.scheduling.ports.task_exchange import LARGEST_CLAIM, Claim, ClaimedTask, StopOrder, TaskExchange
from domain.scheduling.ports.task_queue import Session
from domain.scheduling.report import Report
from domain.scheduling.settlement import ReportOutcome
from domain.scheduling.task import NewTask, Origin
from domain.scheduling.task_status import Gate
from domain.shared.json_value import JsonText

RECHECK_SECONDS = 5.0
"""How long a waiting claim sleeps at most before it looks by itself: a hint may have been lost."""


SUBMISSIONS = 3
"""How often a task with a unique key is asked for while others take and lose the same key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """A task that was asked for under a unique key, and whether it was created for that."""

    task_id: TaskId
    is_new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimWish:
    """At most `limit` tasks, 0 = only orders to stop; `started`: they count as RUNNING at once."""

    claim_id: UUID
    limit: int
    started: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOut:
    """A claimed task with the type and handler that its lane stands for."""

    task: ClaimedTask
    type: str
    handler: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`outcomes` are in the order of the reports."""

    tasks: Sequence[HandedOut]
    stop: Sequence[StopOrder]
    outcomes: Sequence[ReportOutcome]


class TaskExecutionService:
    """Reports and claims of one executor come together: what has ended makes room for what begins."""

    def __init__(
        self,
        begin: BeginWork,
        exchange: TaskExchange,
        intake: ReportIntake,
        sessions: Sessions,
        lanes: Lanes,
        assignments: Assignments,
        ids: Ids,
        wake_up: WakeUp,
        draining: Draining,
        metrics: Metrics = UNCOUNTED,
        stops: Stops = NOTHING_STOPPED,
    ) -> None:
        self._begin = begin
        self._exchange = exchange
        self._intake = intake
        self._sessions = sessions
        self._lanes = lanes
        self._assignments = assignments
        self._ids = ids
        self._wake_up = wake_up
        self._draining = draining
        self._metrics = metrics
        self._stops = stops
        self._full: dict[ExecutorId, int] = {}

    async def submit(
        self,
        principal: Principal,
        job_key: JobId | str,
        scheduled_time: datetime | None = None,
        parameters: JsonText | None = None,
    ) -> TaskId:
        """A task of a job, asked for directly: it neither obeys nor counts for overlap.

        Raises `JobNotFound`, `IllegalJobState`.
        """
        return (await self._submit(principal, job_key, scheduled_time, parameters, None)).task_id

    async def submit_once(
        self,
        principal: Principal,
        job_key: JobId | str,
        scheduled_time: datetime | None,
        parameters: JsonText | None,
        unique_key: str,
    ) -> Submitted:
        """The live task that has the key, whichever job it is of; or else a new one, with the key. Raises alike."""
        for _ in range(SUBMISSIONS):
            async with self._begin() as work:
                if found := await work.tasks.with_key(principal.tenant, unique_key):
                    return Submitted(task_id=found, is_new=False)
            try:
                return await self._submit(principal, job_key, scheduled_time, parameters, unique_key)
            except UniqueKeyTaken:
                continue  # by somebody who asked at the same time
        raise UniqueKeyTaken(unique_key)

    async def _submit(
        self,
        principal: Principal,
        job_key: JobId | str,
        scheduled_time: datetime | None,
        parameters: JsonText | None,
        unique_key: str | None,
    ) -> Submitted:
        task_id = TaskId(self._ids.new())
        async with self._begin() as work:
            job = await work.jobs.get(principal.tenant, job_key)
            job.require_runnable()
            parameters = fill_without_event(job.definition, parameters)
            parameters = fill_without_upstreams(job.definition, parameters)
            at = scheduled_time or work.now
            gate = Gate.TIME if at > work.now else None
            task = NewTask(
                id=task_id,
                job_id=job.id,
                job_version=job.definition_version,
                run_id=RunId(task_id),
                origin=Origin.DIRECT,
                fire_key=None,
                nominal_at=None,
                scheduled_time=at,
                gate=gate,
                parameters=parameters,
                keys=asked_keys(job.definition.limits, job.definition.parameters, parameters),
            )
            lanes = await work.queue.add([task])
            if unique_key is not None:
                await work.tasks.name(task_id, unique_key)
            await work.commit()
        self._metrics.created(Origin.DIRECT, 1)
        if gate is Gate.TIME or job.definition.limits:
            self._wake_up.signal(OPENINGS)
        else:
            for lane, count in lanes.items():
                self._wake_up.signal(lane_topic(lane), count)
        return Submitted(task_id=task_id, is_new=True)

    async def cancel(self, principal: Principal, task_id: TaskId, reason: str | None) -> None:
        """End it; a running one is told to stop at once. Raises `TaskNotFound`, `IllegalTransition`."""
        async with self._begin() as work:
            task = await work.tasks.get(principal.tenant, task_id)
            ends = not task.status.is_final
            task.cancel(reason, work.now)
            await work.tasks.save(task)
            await work.commit()
        self._metrics.settled([task.status] if ends else [])
        self._wake_up.signal(JUDGEMENTS)
        if task.lease is not None:
            self._wake_up.signal(executor_topic(task.lease.executor_id))
        self._wake_up.signal(OPENINGS)  # what a limit counted may be free
        self._wake_up.signal(task_topic(task_id))

    async def exchange(
        self,
        principal: Principal,
        executor_id: ExecutorId,
        epoch: int,
        reports: Sequence[Report],
        wish: ClaimWish | None,
        wait: timedelta,
    ) -> Answer:
        """Take the reports, hand out tasks; with nothing to hand out or to stop, wait for it as long as `wait`.

        Raises `ExecutorNotFound`, `SessionSuperseded`, `SessionEnded`.
        """
        session = Session(executor_id=executor_id, epoch=epoch)
        capability = await self._sessions.capability(principal, session)
        taken = await self._intake.take(session, reports)
        settlements = taken.settlements
        deadline = asyncio.get_running_loop().time() + wait.total_seconds()
        while True:
            numbers = await self._lanes.served_by(principal.tenant, capability, executor_id)
            wish_now = None if await self._stops.claiming_is_stopped() else wish
            paused = await self._stops.paused_pools(principal.tenant)
            open_ = [n for n in numbers if self._lanes[n].pool not in paused] if paused else numbers
            claim = _claim(wish_now, capability.slots, open_, self._lanes.own(open_))
            topics = [executor_topic(executor_id), LANES, DRAIN]
            if claim is not None:
                topics += [lane_topic(number) for number in numbers]
            with self._wake_up.listen(topics) as listener:
                delivered = await self._assigned(session, wish_now, capability.slots)
                answer = await self._exchange.exchange(session, settlements, None if delivered else claim)
                await self._intake.finish(session, taken, answer)
                self._metrics.waited(answer.waits)
                if reports and self._full.get(executor_id):
                    self._wake_up.signal(executor_topic(executor_id))
                if answer.makes_room:
                    self._wake_up.signal(OPENINGS)
                if settlements and taken.gives_back:
                    self._hint(numbers)
                settlements = ()
                if not answer.may_claim:
                    await self._sessions.require_live(principal, session)
                left = deadline - asyncio.get_running_loop().time()
                if delivered or answer.claimed or answer.stop or left <= 0 or self._draining.is_on:
                    break
                with self._full_up(executor_id) if answer.full else nullcontext():
                    await listener.wait(min(left, RECHECK_SECONDS))
        tasks = [self._handed_out(task) for task in delivered or answer.claimed]
        return Answer(tasks=tasks, stop=answer.stop, outcomes=taken.outcomes(reports))

    @contextmanager
    def _full_up(self, executor_id: ExecutorId) -> Iterator[None]:
        """A claim of the executor waits for a slot, which another call of it will free."""
        self._full[executor_id] = self._full.get(executor_id, 0) + 1
        try:
            yield
        finally:
            self._full[executor_id] -= 1
            if not self._full[executor_id]:
                del self._full[executor_id]

    def _hint(self, lanes: Sequence[LaneId]) -> None:
        for lane in lanes:
            self._wake_up.signal(lane_topic(lane))

    async def _assigned(self, session: Session, wish: ClaimWish | None, slots: int) -> Sequence[ClaimedTask]:
        """What was assigned to it by name comes first, and alone: the next claim follows at once."""
        if wish is None or wish.limit == 0 or not self._assignments.is_worth_a_look(session.executor_id):
            return ()
        return await self._exchange.deliver(session, _wished(wish, slots))

    def _handed_out(self, task: ClaimedTask) -> HandedOut:
        lane = self._lanes[task.lane]
        return HandedOut(task=task, type=lane.type, handler=lane.handler)


def _claim(wish: ClaimWish | None, slots: int, lanes: Sequence[LaneId], own: frozenset[LaneId]) -> Claim | None:
    return None if wish is None or wish.limit == 0 or not lanes else _wished(wish, slots, lanes, own)


def _wished(wish: ClaimWish, slots: int, lanes: Sequence[LaneId] = (), own: frozenset[LaneId] = frozenset()) -> Claim:
    limit = min(wish.limit, LARGEST_CLAIM)
    return Claim(claim_id=wish.claim_id, lanes=lanes, own=own, limit=limit, slots=slots, started=wish.started)
