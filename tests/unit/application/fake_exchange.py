"""The conversation with executors, on the tasks of the fake store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from domain.scheduling.executor import ExecutorStatus
from domain.scheduling.ids import TaskId
from domain.scheduling.ports.task_exchange import (
    Claim,
    ClaimedTask,
    Exchanged,
    Heard,
    HeldLease,
    Lease,
    LogBatch,
    Standing,
    StopOrder,
    TaskExchange,
)
from domain.scheduling.ports.task_queue import Session
from domain.scheduling.settlement import Attempt, ReportOutcome, Settlement
from domain.scheduling.task_status import HELD, TaskStatus
from domain.shared.ids import TenantId
from domain.shared.json_value import JsonText
from tests.unit.application.fake_judgements import judgements_between
from tests.unit.application.fake_queues import StoredTask
from tests.unit.application.fake_store import FakeStore


class FakeTaskExchange(TaskExchange):
    """`calls` names the methods called, in order; `lines` are the log batches kept, `orphans` what came too late."""

    def __init__(self, store: FakeStore) -> None:
        self._store = store
        self._token = 100
        self._completed: dict[Lease, bool] = {}
        self.calls: list[str] = []
        self.lines: list[LogBatch] = []
        self.orphans: list[Settlement] = []

    @property
    def _tasks(self) -> dict[TaskId, StoredTask]:
        return self._store.tables.tasks

    def put(self, task: StoredTask) -> None:
        """As it is now; one that has just ended leaves judgements."""
        before = dict(self._tasks)
        self._tasks[task.id] = task
        self._store.tables.judgements += judgements_between(before, self._store.tables)

    def _held(self, session: Session, leases: Sequence[Lease]) -> list[StoredTask]:
        tasks = [(self._tasks[task_id], token) for task_id, token in leases if task_id in self._tasks]
        return [task for task, token in tasks if task.is_held_by(session, token)]

    async def exchange(self, session: Session, settlements: Sequence[Settlement], claim: Claim | None) -> Exchanged:
        self.calls.append("exchange")
        applied = set()
        for settlement in settlements:
            lease = (settlement.task_id, settlement.token)
            for task in self._held(session, [lease]):
                if task.status.can_become(settlement.status):
                    self.put(task.settled(settlement, self._store.now))
                    self._completed[lease] = settlement.status is TaskStatus.COMPLETED
                    applied.add(task.id)
        executor = self._store.tables.executors.get(session.executor_id)
        present = executor is not None and executor.epoch == session.epoch
        may_claim = executor is not None and present and executor.status is ExecutorStatus.ONLINE
        claims = claim if may_claim else None
        full = claims is not None and self._room(session, claims) == 0 and bool(self._wanted(claims))
        claimed = [] if claims is None else self._claim(session, claims)
        return Exchanged(
            applied=frozenset(applied), claimed=claimed, stop=self._stop(session), may_claim=may_claim, full=full
        )

    def _room(self, session: Session, claim: Claim) -> int:
        return max(0, claim.slots - sum(t.holder == session for t in self._tasks.values()))

    def _wanted(self, claim: Claim) -> list[StoredTask]:
        waiting = sorted((t for t in self._tasks.values() if t.is_claimable), key=lambda t: (t.ready_at, t.id))
        own = [t for t in waiting if t.lane in claim.own]
        return own or [t for t in waiting if t.lane in claim.lanes]

    def _stop(self, session: Session) -> list[StopOrder]:
        stopping = [t for t in self._tasks.values() if t.stopping_until and t.holder == session]
        return [StopOrder(task_id=t.id, token=t.token or 0, reason=t.reason, absences=t.absences) for t in stopping]

    def _claim(self, session: Session, claim: Claim) -> list[ClaimedTask]:
        mine = [t for t in self._tasks.values() if t.holder == session and t.claim_id == claim.claim_id]
        wanted = self._wanted(claim)
        for task in [] if mine else wanted[: min(claim.limit, self._room(session, claim))]:
            self._token += 1
            status = TaskStatus.RUNNING if claim.started else TaskStatus.ASSIGNED
            held = replace(
                task, status=status, attempt=task.attempt + 1, holder=session, token=self._token, absences=0
            )  # fmt: skip
            mine.append(replace(held, claim_id=claim.claim_id, claimed_at=self._store.now))
            self.put(mine[-1])
        return [self._claimed(task) for task in mine]

    def _claimed(self, task: StoredTask) -> ClaimedTask:
        return ClaimedTask(
            id=task.id,
            token=task.token or 0,
            attempt=task.attempt,
            job_name=self._store.tables.jobs[task.job_id].definition.name,
            lane=task.lane,
            parameters=task.parameters or JsonText("{}"),
            timeout_seconds=None,
            deadline_at=None,
            checkpoint=task.checkpoint,
            nominal_at=task.nominal_at,
        )

    async def deliver(self, session: Session, claim: Claim) -> Sequence[ClaimedTask]:
        self.calls.append("deliver")
        executor = self._store.tables.executors.get(session.executor_id)
        if executor is None or executor.epoch != session.epoch or not executor.may_claim:
            return []
        mine = [t for t in self._tasks.values() if t.is_held_by(session) and t.is_undelivered]
        delivered = sum(t.holder == session and not t.is_undelivered for t in self._tasks.values())
        mine = mine[: max(0, min(claim.limit, claim.slots - delivered))]
        for task in mine:
            status = TaskStatus.RUNNING if claim.started else task.status
            self.put(replace(task, status=status, claim_id=claim.claim_id, claimed_at=self._store.now))
        return [self._claimed(task) for task in mine]

    async def attempts(self, session: Session, leases: Sequence[Lease]) -> tuple[datetime, Sequence[Attempt]]:
        self.calls.append("attempts")
        return self._store.now, [task.as_attempt() for task in self._held(session, leases)]

    async def start(self, session: Session, leases: Sequence[Lease]) -> frozenset[TaskId]:
        self.calls.append("start")
        held = self._held(session, leases)
        for task in held:
            self.put(replace(task, status=TaskStatus.RUNNING))
        return frozenset(task.id for task in held)

    async def stopped(self, session: Session, leases: Sequence[Lease]) -> frozenset[TaskId]:
        self.calls.append("stopped")
        named = [(self._tasks[task_id], token) for task_id, token in leases if task_id in self._tasks]
        stopping = [t for t, token in named if t.stopping_until and t.holder == session and t.token == token]
        for task in stopping:
            self.put(task.let_go())
        return frozenset(task.id for task in stopping)

    async def log(self, session: Session, batches: Sequence[LogBatch]) -> frozenset[TaskId]:
        self.calls.append("log")
        held = [b for b in batches if self._held(session, [(b.task_id, b.token)])]
        for batch in sorted(held, key=lambda b: b.sequence == 0):
            known = {b.sequence for b in self.lines if (b.task_id, b.token) == (batch.task_id, batch.token)}
            if batch.sequence not in known:
                self.lines.append(replace(batch, sequence=batch.sequence or max(known, default=0) + 1))
        return frozenset(batch.task_id for batch in held)

    async def stand(self, session: Session, standings: Sequence[Standing]) -> frozenset[TaskId]:
        self.calls.append("stand")
        held = [(task, said) for said in standings for task in self._held(session, [(said.task_id, said.token)])]
        for task, said in held:
            progress = task.progress if said.progress is None else said.progress
            message = task.progress_message if said.progress is None else said.message
            task = replace(task, progress=progress, progress_message=message)
            self.put(replace(task, checkpoint=said.checkpoint or task.checkpoint))
        return frozenset(task.id for task, _ in held)

    async def miss(self, session: Session, settlements: Sequence[Settlement]) -> Mapping[Lease, ReportOutcome]:
        self.calls.append("miss")
        outcomes: dict[Lease, ReportOutcome] = {}
        for settlement in settlements:
            lease = (settlement.task_id, settlement.token)
            if self._completed.get(lease) == (settlement.status is TaskStatus.COMPLETED):
                outcomes[lease] = ReportOutcome.ALREADY
            elif self._held(session, [lease]):
                outcomes[lease] = ReportOutcome.INVALID
            else:
                outcomes[lease] = ReportOutcome.LEASE_LOST
                self.orphans += [settlement] if settlement.task_id in self._tasks else []
        return outcomes

    async def hear(self, tenant: TenantId, session: Session) -> Heard:
        self.calls.append("hear")
        executor = self._store.tables.executors.get(session.executor_id)
        known = executor is not None and (executor.tenant, executor.epoch) == (tenant, session.epoch)
        if executor is None or not known or executor.status is ExecutorStatus.OFFLINE:
            return Heard(now=self._store.now, live=False)
        held = [
            HeldLease(
                task_id=t.id,
                token=t.token or 0,
                claimed_at=t.claimed_at or t.ready_at,
                absences=t.absences,
                delivered=not t.is_undelivered,
            )
            for t in self._tasks.values()
            if t.status in HELD and t.is_held_by(session)
        ]
        return Heard(
            now=self._store.now,
            live=True,
            may_claim=executor.may_claim,
            clock_offset=executor.clock_offset,
            held=held,
            stop=self._stop(session),
        )

    async def count_absences(self, session: Session, absent: Sequence[TaskId], present: Sequence[TaskId]) -> None:
        self.calls.append("count_absences")
        for task in list(self._tasks.values()):
            if task.id in absent:
                self.put(replace(task, absences=task.absences + 1))
            if task.id in present:
                self.put(replace(task, absences=0))
