"""What the store keeps of a task, and how that changes: the rules of the columns, each in one place."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from domain.scheduling.admission import KeyKind, LimitKey
from domain.scheduling.ids import JobId, LaneId, RunId, TaskId
from domain.scheduling.job import Job
from domain.scheduling.key_template import OWN_SLOT
from domain.scheduling.ports.task_exchange import Claim, ClaimedTask, StopOrder
from domain.scheduling.ports.task_queue import Session
from domain.scheduling.priority import Priority, rank
from domain.scheduling.rate import RateTerms
from domain.scheduling.retry import RetryPolicy
from domain.scheduling.settlement import Attempt, Settlement
from domain.scheduling.task import Lease, NewTask, Origin, TaskError, TaskInstance
from domain.scheduling.task_status import CLAIMABLE, COUNTS_FOR_OVERLAP, HELD, Gate, TaskStatus
from domain.shared.ids import TenantId
from domain.shared.json_value import JsonText

_BLOCKING = (Gate.DEPENDENCY, Gate.PAUSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRow:
    """A task, among the live ones or in history. The token outlives its lease."""

    id: TaskId
    tenant: TenantId
    job_id: JobId
    job_name: str
    job_version: int
    run_id: RunId
    origin: Origin
    fire_key: str | None
    status: TaskStatus
    gate: Gate | None
    lane: LaneId
    priority: Priority
    rank: int
    policy: RetryPolicy
    timeout: timedelta | None
    queue_patience: timedelta | None
    nominal_at: datetime | None
    scheduled_time: datetime
    ready_at: datetime
    created_at: datetime
    expires_at: datetime | None
    total_deadline_at: datetime | None
    parameters: JsonText
    attempt: int = 0
    lost: int = 0
    snoozed: int = 0
    holder: Session | None = None
    token: int | None = None
    claim_id: UUID | None = None
    claimed_at: datetime | None = None
    started_at: datetime | None = None
    deadline_at: datetime | None = None
    absences: int = 0
    stopping_until: datetime | None = None
    ended_at: datetime | None = None
    result: JsonText | None = None
    error: TaskError | None = None
    reason: str | None = None
    unique_key: str | None = None
    progress: float | None = None
    progress_message: str | None = None
    checkpoint: JsonText | None = None
    slot: LimitKey | None = None
    most: int = 0
    rate: LimitKey | None = None
    terms: RateTerms | None = None
    turn: LimitKey | None = None
    window: int = 0
    version: int = 1

    @classmethod
    def of(cls, new: NewTask, job: Job, lane: LaneId, now: datetime) -> TaskRow:
        """With the present settings of its job."""
        d = job.definition
        priority = new.priority or d.priority
        row = cls(
            id=new.id,
            tenant=job.tenant,
            job_id=job.id,
            job_name=d.name,
            job_version=new.job_version,
            run_id=new.run_id,
            origin=new.origin,
            fire_key=new.fire_key,
            status=TaskStatus.BLOCKED if new.gate in _BLOCKING else TaskStatus.PENDING,
            gate=new.gate,
            lane=lane,
            priority=priority,
            rank=rank(new.scheduled_time, priority),
            policy=d.retry,
            timeout=d.timeouts.execution,
            queue_patience=d.timeouts.queue,
            nominal_at=new.nominal_at,
            scheduled_time=new.scheduled_time,
            ready_at=new.scheduled_time,
            created_at=now,
            expires_at=None,
            total_deadline_at=None if d.timeouts.total is None else new.scheduled_time + d.timeouts.total,
            parameters=new.parameters or JsonText(msgspec.json.encode(d.parameters).decode()),
        )
        row = _limited(row, new, job)
        queues = row.status is TaskStatus.PENDING and row.limit_gate is None
        queue_end = None if d.timeouts.queue is None or not queues else new.scheduled_time + d.timeouts.queue
        ends = [end for end in (queue_end, row.total_deadline_at) if end is not None]
        return replace(row, gate=row.gate or row.limit_gate, expires_at=min(ends, default=None))

    @property
    def limit_gate(self) -> Gate | None:
        """Where it waits if nothing but limits keeps it from the queue."""
        if self.slot is not None and not self.keeps_turn:
            return Gate.LIMIT
        if self.turn is not None:
            return Gate.FAIRNESS
        return None if self.rate is None else Gate.RATE

    @property
    def keeps_turn(self) -> bool:
        """It waits for its next attempt, and nobody else of those that share their job's own slot may begin before."""
        return self.status is TaskStatus.WAITING_RETRY and self.slot is not None and f"/{OWN_SLOT}" in self.slot.text

    @property
    def is_waiting(self) -> bool:
        """In the queue."""
        return self.gate is None and self.status in CLAIMABLE

    @property
    def is_held(self) -> bool:
        return self.status in HELD

    @property
    def is_stopping(self) -> bool:
        return self.stopping_until is not None

    @property
    def is_undelivered(self) -> bool:
        return self.status is TaskStatus.ASSIGNED and self.claim_id is None

    @property
    def is_in_the_way(self) -> bool:
        """Of the next fire of its job."""
        if self.origin is Origin.DIRECT or self.gate is Gate.PAUSED:
            return False
        return self.status in COUNTS_FOR_OVERLAP or self.is_stopping

    def leased_as(self, session: Session | None, token: int) -> bool:
        """Fence: it is under this token, and under this session if one is given. It may be stopping."""
        return self.token == token and session in (None, self.holder)

    def claimed(self, session: Session, claim: Claim, token: int, now: datetime) -> TaskRow:
        """As it is handed out."""
        return replace(
            self,
            status=TaskStatus.RUNNING if claim.started else TaskStatus.ASSIGNED,
            token=token,
            holder=session,
            claim_id=claim.claim_id,
            attempt=self.attempt + 1,
            claimed_at=now,
            started_at=now if claim.started else None,
            deadline_at=None if self.timeout is None else now + self.timeout,
            expires_at=None,
            error=None,
            progress=None,
            progress_message=None,
            absences=0,
            version=self.version + 1,
        )

    def delivered(self, claim: Claim, now: datetime) -> TaskRow:
        """As an assignment reaches its executor."""
        return replace(
            self,
            claim_id=claim.claim_id,
            status=TaskStatus.RUNNING if claim.started else self.status,
            started_at=now if claim.started else None,
            claimed_at=now,
            deadline_at=None if self.timeout is None else now + self.timeout,
            version=self.version + 1,
        )

    def started(self, now: datetime) -> TaskRow:
        deadline = self.deadline_at or (None if self.timeout is None else now + self.timeout)
        begun = self.started_at or now
        return replace(
            self, status=TaskStatus.RUNNING, started_at=begun, deadline_at=deadline, version=self.version + 1
        )

    def may_end_as(self, status: TaskStatus) -> bool:
        return self.is_held and self.status.can_become(status)

    def settled(self, end: Settlement, now: datetime) -> TaskRow:
        """After its attempt ended: for good, to be tried again, or to be stopped first."""
        row = replace(
            self,
            status=end.status,
            result=end.result,
            error=end.error,
            lost=self.lost if end.lost is None else end.lost,
            version=self.version + 1,
        )
        stops, retried = end.stopping_until is not None, end.status is TaskStatus.WAITING_RETRY
        if not stops and not retried:
            return replace(row, ended_at=now)
        ready_at = end.ready_at or self.ready_at
        waits_for_time = retried and (stops or ready_at > now)
        row = replace(
            row,
            snoozed=self.snoozed if end.snoozed is None else end.snoozed,
            stopping_until=end.stopping_until,
            gate=Gate.TIME if waits_for_time else row.limit_gate if retried else None,
            ready_at=ready_at,
            rank=self.rank if end.ready_at is None else rank(end.ready_at, self.priority),
            expires_at=self.total_deadline_at if retried else None,
            ended_at=None if retried else now,
            absences=0,
        )
        return row if stops else row.without_lease()

    def without_lease(self) -> TaskRow:
        return replace(self, holder=None, claim_id=None, claimed_at=None, started_at=None, deadline_at=None)

    def let_go(self) -> TaskRow:
        """It has stopped."""
        if self.status.is_final:
            return replace(self, stopping_until=None)
        return replace(self.without_lease(), stopping_until=None, absences=0, version=self.version + 1)

    def as_attempt(self) -> Attempt:
        return Attempt(
            task_id=self.id,
            token=self.token or 0,
            status=self.status,
            number=self.attempt,
            lost=self.lost,
            snoozed=self.snoozed,
            policy=self.policy,
            executor_id=self.holder.executor_id if self.holder else None,
            total_deadline_at=self.total_deadline_at,
        )

    def as_claimed(self) -> ClaimedTask:
        return ClaimedTask(
            id=self.id,
            token=self.token or 0,
            attempt=self.attempt,
            job_name=self.job_name,
            lane=self.lane,
            parameters=self.parameters,
            timeout_seconds=None if self.timeout is None else int(self.timeout.total_seconds()),
            deadline_at=self.deadline_at,
            checkpoint=self.checkpoint,
            nominal_at=self.nominal_at,
        )

    def as_stop_order(self) -> StopOrder:
        reason = self.reason or (self.error.message if self.error else None)
        return StopOrder(task_id=self.id, token=self.token or 0, reason=reason, absences=self.absences)

    def as_instance(self) -> TaskInstance:
        lease = Lease(self.holder.executor_id, self.holder.epoch, self.token) if self.holder and self.token else None
        return TaskInstance(
            id=self.id,
            tenant=self.tenant,
            job_id=self.job_id,
            job_name=self.job_name,
            status=self.status,
            attempt=self.attempt,
            lease=lease,
            stopping_until=self.stopping_until,
            status_reason=self.reason,
            ended_at=self.ended_at,
            lane=self.lane,
            gate=self.gate,
            is_undelivered=self.is_undelivered,
            version=self.version,
        )


def _limited(row: TaskRow, new: NewTask, job: Job) -> TaskRow:
    """With the keys of what its job limits."""
    limits, given = job.definition.limits, new.keys
    own = limits.keys(job.definition.parameters)
    if job.definition.firing.overlap.takes_turns and new.origin is not Origin.DIRECT:
        row = replace(row, slot=LimitKey(KeyKind.SLOT, f"{job.tenant}/{OWN_SLOT}{job.id}"), most=1)
    if limits.concurrency is not None:
        key = LimitKey(KeyKind.SLOT, f"{job.tenant}/{given.slot or own.slot}")
        row = replace(row, slot=key, most=limits.concurrency.limit)
    if (rate := limits.rate) is not None:
        terms = RateTerms(
            algorithm=rate.algorithm, limit=rate.limit, per=rate.per, capacity=rate.capacity, weight=rate.weight
        )
        row = replace(row, rate=LimitKey(KeyKind.RATE, f"{job.tenant}/{given.rate or own.rate}"), terms=terms)
    if limits.fairness is not None:
        key = LimitKey(KeyKind.TURN, f"{row.lane}/{given.turn or own.turn}")
        row = replace(row, turn=key, window=limits.fairness.window)
    return row
