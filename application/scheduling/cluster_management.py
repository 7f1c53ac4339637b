"""Executors: registering, beating, draining, leaving."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from application.scheduling.lanes import Lanes
from application.scheduling.metrics import UNCOUNTED, Metrics
from application.scheduling.ports import BeginWork, Heartbeats, SchedulingWork
from application.scheduling.sessions import Sessions
from application.shared.ids import Ids
from application.shared.principal import Principal
from application.shared.wake_up import JUDGEMENTS, OPENINGS, WakeUp, executor_topic, lane_topic
from domain.scheduling.executor import Executor, HostInfo, Liveness, clock_stepped
from domain.scheduling.ids import ExecutorId, TaskId
from domain.scheduling.placement import Capability
from domain.scheduling.ports.task_exchange import HeldLease, Lease, StopOrder, TaskExchange
from domain.scheduling.ports.task_queue import Session
from domain.scheduling.settlement import Settlement, lose

ABSENT_BEATS = 2
"""A task that so many heartbeats in a row do not list never reached its executor: the answer to its claim was lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """The session that began, and how often it has to beat."""

    executor_id: ExecutorId
    epoch: int
    liveness: Liveness


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """The answer to a heartbeat: what to stop, what the executor runs without a lease, whether to drain."""

    now: datetime
    stop: Sequence[StopOrder]
    lost: Sequence[Lease]
    drain: bool


class ClusterManagementService:
    """A session that ends gives back what it held, in the same unit of work."""

    def __init__(
        self,
        begin: BeginWork,
        exchange: TaskExchange,
        sessions: Sessions,
        lanes: Lanes,
        heartbeats: Heartbeats,
        liveness: Liveness,
        ids: Ids,
        wake_up: WakeUp,
        metrics: Metrics = UNCOUNTED,
    ) -> None:
        self._begin = begin
        self._exchange = exchange
        self._sessions = sessions
        self._lanes = lanes
        self._heartbeats = heartbeats
        self._liveness = liveness
        self._ids = ids
        self._wake_up = wake_up
        self._metrics = metrics

    async def register(
        self,
        principal: Principal,
        executor_id: ExecutorId | None,
        instance_id: UUID,
        info: HostInfo,
        capability: Capability,
    ) -> Registered:
        """Begin a session, or repeat the registration of the present one. Raises `ExecutorDeactivated`."""
        id_ = executor_id or ExecutorId(str(self._ids.new()))
        freed: Sequence[Settlement] = ()
        async with self._begin() as work:
            executor = await work.executors.find(principal.tenant, id_)
            if executor is None:
                executor = Executor.register(id_, principal.tenant, instance_id, info, capability, work.now)
            else:
                ended = executor.register_again(instance_id, info, capability, work.now)
                if ended is not None:
                    over = Session(executor_id=id_, epoch=ended)
                    freed = await give_back(work, over, "its executor was started anew")
            await work.executors.save(executor)
            await work.commit()
        session = Session(executor_id=id_, epoch=executor.epoch)
        self._sessions.forget(principal, session)
        if freed:
            await self._freed(principal, id_, capability, freed)
        self._wake_up.signal(executor_topic(id_))
        return Registered(executor_id=id_, epoch=executor.epoch, liveness=self._liveness)

    async def heartbeat(
        self,
        principal: Principal,
        executor_id: ExecutorId,
        epoch: int,
        running: Sequence[Lease],
        sent_at: datetime | None = None,
    ) -> Beat:
        """A sign of life, compared with what the store says the executor holds. Raises like a claim.

        `sent_at` is the time of its own clock. The executor itself is asked for only when something is unusual.
        """
        session = Session(executor_id=executor_id, epoch=epoch)
        heard = await self._exchange.hear(principal.tenant, session)
        if not heard.live or (sent_at is not None and clock_stepped(heard.clock_offset, sent_at, heard.now)):
            await self._look_closely(principal, session, sent_at)
        if not heard.live:  # it was registered just now
            heard = await self._exchange.hear(principal.tenant, session)
        await self._heartbeats.beat(session, heard.now)
        listed = set(running)
        absent = [h for h in heard.held if h.delivered and (h.task_id, h.token) not in listed]
        vanished = [s for s in heard.stop if (s.task_id, s.token) not in listed]
        leases: Sequence[HeldLease | StopOrder] = (*heard.held, *heard.stop)
        reappeared = [each.task_id for each in leases if each.absences and (each.task_id, each.token) in listed]
        if absent or vanished or reappeared:
            missing = [*(h.task_id for h in absent), *(s.task_id for s in vanished)]
            await self._exchange.count_absences(session, missing, reappeared)
            never_arrived = [h.task_id for h in absent if h.absences + 1 >= ABSENT_BEATS]
            if never_arrived:
                capability = await self._sessions.capability(principal, session)
                await self._requeue(principal, session, capability, never_arrived)
            await self._let_go(session, [s for s in vanished if s.absences + 1 >= ABSENT_BEATS])
        known = {(h.task_id, h.token) for h in heard.held} | {(s.task_id, s.token) for s in heard.stop}
        lost = [lease for lease in running if lease not in known]
        return Beat(now=heard.now, stop=heard.stop, lost=lost, drain=not heard.may_claim)

    async def _look_closely(self, principal: Principal, session: Session, sent_at: datetime | None) -> None:
        """Say why there is no such session, or write down how far its clock is off."""
        async with self._begin() as work:
            executor = await work.executors.get(principal.tenant, session.executor_id)
            executor.require_session(session.epoch)
            if sent_at is not None and executor.measure_clock(sent_at, work.now):
                await work.executors.save(executor)
                await work.commit()

    async def drain(self, principal: Principal, executor_id: ExecutorId, reason: str | None) -> None:
        """No new tasks for it. Raises `ExecutorNotFound`."""
        await self._change(principal, executor_id, lambda executor, now: executor.drain(reason, now))

    async def activate(self, principal: Principal, executor_id: ExecutorId) -> None:
        """Lets it register, or go on claiming. Raises `ExecutorNotFound`."""
        await self._change(principal, executor_id, lambda executor, now: executor.activate(now))

    async def deactivate(self, principal: Principal, executor_id: ExecutorId, reason: str) -> None:
        """End its session and refuse new ones. Raises `ExecutorNotFound`."""
        await self._end(principal, executor_id, lambda executor, now: executor.deactivate(reason, now), reason)

    async def leave(self, principal: Principal, executor_id: ExecutorId, epoch: int) -> None:
        """The process says goodbye. Raises `ExecutorNotFound`, `SessionSuperseded`; a no-op if the session is over."""

        def go(executor: Executor, now: datetime) -> None:
            if executor.epoch != epoch:
                executor.require_session(epoch)
            executor.leave(now)

        await self._end(principal, executor_id, go, "its executor left")

    async def _change(
        self, principal: Principal, executor_id: ExecutorId, act: Callable[[Executor, datetime], None]
    ) -> Executor:
        async with self._begin() as work:
            executor = await work.executors.get(principal.tenant, executor_id)
            act(executor, work.now)
            await work.executors.save(executor)
            await work.commit()
        self._wake_up.signal(executor_topic(executor_id))
        return executor

    async def _end(
        self, principal: Principal, executor_id: ExecutorId, act: Callable[[Executor, datetime], None], why: str
    ) -> None:
        async with self._begin() as work:
            executor = await work.executors.get(principal.tenant, executor_id)
            act(executor, work.now)
            session = Session(executor_id=executor_id, epoch=executor.epoch)
            freed = await give_back(work, session, why)
            await work.executors.save(executor)
            await work.commit()
        self._sessions.forget(principal, session)
        if freed:
            await self._freed(principal, executor_id, executor.capability, freed)
        self._wake_up.signal(executor_topic(executor_id))

    async def _requeue(
        self, principal: Principal, session: Session, capability: Capability, tasks: Sequence[TaskId]
    ) -> None:
        async with self._begin() as work:
            attempts = await work.queue.take_held(session, tasks)
            lost = [lose(a, "it never reached its executor", work.now) for a in attempts]
            await work.queue.settle(lost)
            await work.commit()
        await self._freed(principal, session.executor_id, capability, lost)

    async def _let_go(self, session: Session, orders: Sequence[StopOrder]) -> None:
        """What should stop and does not run there has stopped: it ended, or never arrived."""
        if orders:
            await self._exchange.stopped(session, [(order.task_id, order.token) for order in orders])
            self._wake_up.signal(JUDGEMENTS)
            self._wake_up.signal(OPENINGS)

    async def _freed(
        self, principal: Principal, executor_id: ExecutorId, capability: Capability, lost: Sequence[Settlement]
    ) -> None:
        """What an executor gave back stands in lanes that it served."""
        self._metrics.settled([settlement.status for settlement in lost])
        for lane in await self._lanes.served_by(principal.tenant, capability, executor_id):
            self._wake_up.signal(lane_topic(lane))
        self._wake_up.signal(OPENINGS)


async def give_back(work: SchedulingWork, session: Session, why: str) -> Sequence[Settlement]:
    """The session is over: what it was stopping has stopped, what it held is lost. How that ended."""
    await work.queue.let_go(session)
    attempts = await work.queue.take_held(session)
    lost = [lose(attempt, why, work.now) for attempt in attempts]
    await work.queue.settle(lost)
    return lost
