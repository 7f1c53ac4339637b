"""The facts behind explanations."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
import sqlalchemy as sa

from application.scheduling.explanations import ExplanationReader
from domain.scheduling.admission import KeyKind
from domain.scheduling.errors import TaskNotFound
from domain.scheduling.executor import ExecutorStatus
from domain.scheduling.ids import JobId, RunId, TaskId
from domain.scheduling.job_explanation import DecisionFacts
from domain.scheduling.occurrence import Decision
from domain.scheduling.placement import Capability
from domain.scheduling.ports.judgement_queue import Waiting
from domain.scheduling.switch import SwitchKind
from domain.scheduling.task_explanation import ExecutorFacts, HolderFacts, KeyFacts, StopFacts, TaskFacts
from domain.scheduling.task_status import REOPENED_BY_OPERATOR, Gate, TaskStatus
from domain.shared.ids import TenantId
from infrastructure.sql.scheduling.admission_statements import takes
from infrastructure.sql.scheduling.lane_directory import lane_of
from infrastructure.sql.scheduling.limit_tables import limit_keys
from infrastructure.sql.scheduling.reading import Reading, Row
from infrastructure.sql.scheduling.tables import executors, lanes, occurrences, schedules, switches
from infrastructure.sql.scheduling.task_changes import is_waiting
from infrastructure.sql.scheduling.task_rows import decode_error
from infrastructure.sql.scheduling.task_tables import task_history, tasks
from infrastructure.sql.types import Instant

MOST_AHEAD: Final = 10_000
"""Tasks in front of one that are counted."""

NAMED: Final = 5
"""Tasks that are named as the holders of a slot."""

MOST_EXECUTORS: Final = 1_000

MOST_CAUSES: Final = 100
"""Tasks that were left out one for the other."""

t, e, o = tasks.c, executors.c, occurrences.c
_strings = msgspec.json.Decoder(frozenset[str]).decode
_labels = msgspec.json.Decoder(dict[str, str]).decode


class SqlExplanationReader(Reading, ExplanationReader):
    """Reads what is committed; a task with thousands before it costs a count over an index."""

    async def task_facts(self, tenant: TenantId, task_id: TaskId) -> tuple[TaskFacts, datetime]:
        row = await self._row(tenant, task_id)
        now = await self._now()
        lane = lane_of(await self._one(sa.select(lanes).where(lanes.c.id == row.lane)))
        waits = row.executor_id is None and TaskStatus(row.status) in (
            TaskStatus.PENDING,
            TaskStatus.WAITING_RETRY,
            TaskStatus.BLOCKED,
        )
        stops = await self._stops(tenant) if waits else {}
        facts = TaskFacts(
            status=TaskStatus(row.status),
            gate=None if row.gate is None else Gate(row.gate),
            attempt=row.attempt,
            max_attempts=row.max_attempts,
            priority=row.priority,
            lane=lane,
            ready_at=row.ready_at,
            stopping_until=row.stopping_until,
            started_at=row.started_at,
            ended_at=row.ended_at,
            claimed_at=row.claimed_at,
            is_undelivered=row.status == TaskStatus.ASSIGNED and row.claim_id is None,
            status_reason=row.status_reason,
            error=_error(row.error),
            holder=await self._holder(row.executor_id),
            root_cause=await self._root_cause(row.cause_id),
            slot=await self._slot(row) if row.gate == Gate.LIMIT else None,
            turn=await self._turn(row) if row.gate == Gate.FAIRNESS else None,
            rate_key=None if row.rate_key is None else shown(row.rate_key),
            rate_free_at=await self._free_at(row.rate_key) if row.gate == Gate.RATE else None,
            ahead=await self._ahead(row) if waits and row.gate is None else 0,
            claiming=stops.get((SwitchKind.CLAIMING, "")),
            pool=stops.get((SwitchKind.POOL, lane.pool)),
            executors=await self._executors(tenant) if waits else (),
        )
        return facts, now

    async def decisions_at(self, job_id: JobId, at: datetime) -> Sequence[DecisionFacts]:
        of_job = sa.select(occurrences).where(o.job_id == job_id)
        from_then = await self._all(of_job.where(o.nominal_at >= at).order_by(o.nominal_at, o.id).limit(20))
        spanning = [_decision(row) for row in from_then if row.first_nominal_at <= at]
        if spanning:
            return spanning
        before = of_job.where(o.nominal_at < at).order_by(o.nominal_at.desc(), o.id.desc()).limit(1)
        return [_decision(row) for row in await self._all(before) if row.planned_at >= at]

    async def health_error(self, job_id: JobId) -> str | None:
        row = await self._first(sa.select(schedules.c.health_error).where(schedules.c.job_id == job_id))
        return None if row is None else row.health_error

    async def _row(self, tenant: TenantId, task_id: TaskId) -> Row:
        for table in (tasks, task_history):
            c = table.c
            row = await self._first(sa.select(table).where(c.id == task_id, c.tenant == tenant))
            if row is not None:
                return row
        raise TaskNotFound(task_id)

    async def _one(self, query: sa.Select[Any]) -> Row:
        (row,) = await self._all(query)
        return row

    async def _now(self) -> datetime:
        if self._store.dialect == "sqlite":
            return self._store.clock.now()
        now: datetime = (await self._one(sa.select(sa.func.now()))).now
        return now

    async def _holder(self, executor_id: str | None) -> HolderFacts | None:
        if executor_id is None:
            return None
        row = await self._first(sa.select(e.id, e.status, e.last_heartbeat_at).where(e.id == executor_id))
        if row is None:
            return None
        return HolderFacts(id=row.id, status=ExecutorStatus(row.status), last_heard=row.last_heartbeat_at)

    async def waiting(self, tenant: TenantId, task_id: TaskId) -> Waiting | None:
        nominal = sa.func.coalesce(t.nominal_at, t.scheduled_time, type_=Instant).label("nominal")
        found = sa.select(t.job_id, t.run_id, nominal, t.wait_until)
        row = await self._first(found.where(t.id == task_id, t.tenant == tenant, t.gate == Gate.DEPENDENCY))
        if row is None:
            return None
        return Waiting(
            task_id=task_id,
            tenant=tenant,
            job_id=JobId(row.job_id),
            run_id=RunId(row.run_id),
            nominal=row.nominal,
            wait_until=row.wait_until,
        )

    async def _root_cause(self, cause: UUID | None) -> TaskId | None:
        """Along those that were left out, up to the one that ran, if that can be tried again."""
        for _ in range(MOST_CAUSES if cause is not None else 0):
            c = task_history.c
            row = await self._first(sa.select(c.cause_id, c.status).where(c.id == cause))
            if row is None or row.cause_id is None:
                mendable = row is not None and row.status in REOPENED_BY_OPERATOR
                return TaskId(cause) if cause is not None and mendable else None
            cause = row.cause_id
        return None

    async def _slot(self, row: Row) -> KeyFacts:
        taken = sa.select(t.id).where(takes(KeyKind.SLOT), t.slot_key == row.slot_key).order_by(t.id)
        ids = [str(each.id) for each in await self._all(taken)]
        return KeyFacts(key=shown(row.slot_key), taken=len(ids), most=row.slot_most, by=ids[:NAMED])

    async def _turn(self, row: Row) -> KeyFacts:
        counted = sa.select(sa.func.count().label("n")).select_from(tasks)
        taken = await self._one(counted.where(takes(KeyKind.TURN), t.turn_key == row.turn_key))
        return KeyFacts(key=shown(row.turn_key), taken=taken.n, most=row.turn_window)

    async def _free_at(self, key: str) -> datetime | None:
        k = limit_keys.c
        row = await self._first(sa.select(k.free_at).where(k.kind == KeyKind.RATE, k.key == key))
        return None if row is None else row.free_at

    async def _ahead(self, row: Row) -> int:
        before = sa.or_(t.rank < row.rank, sa.and_(t.rank == row.rank, t.id < row.id))
        some = sa.select(t.id).where(is_waiting(), t.lane == row.lane, before).limit(MOST_AHEAD).subquery()
        return int((await self._one(sa.select(sa.func.count().label("n")).select_from(some))).n)

    async def _stops(self, tenant: TenantId) -> dict[tuple[SwitchKind, str], StopFacts]:
        rows = await self._all(sa.select(switches).where(switches.c.tenant.in_(("", tenant))))
        return {
            (SwitchKind(row.kind), row.pool): StopFacts(reason=row.reason, since=row.since, by=row.by) for row in rows
        }

    async def _executors(self, tenant: TenantId) -> Sequence[ExecutorFacts]:
        held = sa.select(sa.func.count()).where(t.executor_id == e.id, t.executor_id.is_not(None)).scalar_subquery()
        alive = sa.select(executors, held.label("held")).where(e.tenant == tenant, e.status != ExecutorStatus.OFFLINE)
        return [
            ExecutorFacts(
                id=row.id,
                status=ExecutorStatus(row.status),
                capability=Capability(
                    pool=row.pool,
                    labels=_labels(row.labels),
                    types=_strings(row.types),
                    handlers=_strings(row.handlers),
                    slots=row.slots,
                ),
                held=row.held,
            )
            for row in await self._all(alive.order_by(e.id).limit(MOST_EXECUTORS))
        ]


def shown(key: str) -> str:
    """A key as its job says it: the store has its owner before it."""
    return key.partition("/")[2]


def _error(text: str | None) -> str | None:
    if text is None:
        return None
    error = decode_error(text)
    return f"{error.code}: {error.message}"


def _decision(row: Row) -> DecisionFacts:
    return DecisionFacts(
        decision=Decision(row.decision),
        first=row.first_nominal_at,
        last=row.nominal_at,
        planned=row.planned_at,
        decided=row.decided_at,
        count=row._mapping["count"],  # `row.count` is a method of tuples
        reason=row.reason,
        task_id=None if row.task_id is None else TaskId(row.task_id),
        job_version=row.job_version,
    )
