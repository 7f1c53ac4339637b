"""What an executor does with its leases besides ending them, and what becomes of those it has lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from domain.scheduling.ids import TaskId
from domain.scheduling.ports.task_exchange import (
    Heard,
    HeldLease,
    Lease,
    LogBatch,
)
from domain.scheduling.settlement import SNOOZED, ReportOutcome, Settlement
from domain.scheduling.task_status import TaskStatus
from domain.shared.ids import TenantId
from tests.simulation.store.attempts import LOST, ending
from tests.simulation.store.exchange_call import Call, LogRow, OrphanRow


def log(call: Call, batches: Sequence[LogBatch]) -> frozenset[TaskId]:
    """A repeated batch once; one without a number after the last. Whose lease holds."""
    known = set()
    for batch in sorted(batches, key=lambda each: each.sequence == 0):
        row = call.leased((batch.task_id, batch.token))
        if row is None:
            continue
        lines = (each.batch for each in call.logs.rows())
        mine = [b.sequence for b in lines if (b.task_id, b.token) == (batch.task_id, batch.token)]
        sequence = batch.sequence or max(mine, default=0) + 1
        if sequence not in mine:
            line = LogRow(batch=replace(batch, sequence=sequence), attempt=row.attempt, at=call.now)
            call.logs.insert((batch.task_id, batch.token, sequence), line)
        known.add(batch.task_id)
    return frozenset(known)


@dataclass(frozen=True, slots=True)
class _Known:
    token: int | None
    ending: str
    held: bool


def miss(call: Call, settlements: Sequence[Settlement]) -> Mapping[Lease, ReportOutcome]:
    """Look each up, and keep what is worth keeping of those that came too late."""
    outcomes: dict[Lease, ReportOutcome] = {}
    for each in settlements:
        known = _known(call, each.task_id)
        outcomes[each.task_id, each.token] = outcome = _outcome(each, known)
        failed = each.error is not None and each.error.code != SNOOZED
        worth_keeping = each.status is TaskStatus.COMPLETED or failed
        lease = each.task_id, each.token
        if outcome is ReportOutcome.LEASE_LOST and known and worth_keeping and call.orphans.get(lease) is None:
            orphan = OrphanRow(end=each, executor_id=call.session.executor_id, reported_at=call.now)
            call.orphans.insert(lease, orphan)
    return outcomes


def _known(call: Call, task_id: TaskId) -> list[_Known]:
    """What the store says about each token of a task."""
    found = []
    live, ended = call.tasks.live.get(task_id), call.tasks.ended.get(task_id)
    for row in (live, ended):
        if row is not None:
            held = row is live and row.is_held and row.holder == call.session
            found.append(_Known(row.token, ending(row.status, row.error.code if row.error else None), held))
    found += [_Known(token, how, False) for token, how in call.tasks.tried(task_id)]
    return found


def _outcome(end: Settlement, known: Sequence[_Known]) -> ReportOutcome:
    same = [each for each in known if each.token == end.token]
    alike = {ending(end.status, end.error.code if end.error else None)}
    if end.status is TaskStatus.FAILED and end.error is None:
        alike.add(LOST)  # it gave the task back
    if any(each.ending in alike for each in same):
        return ReportOutcome.ALREADY
    return ReportOutcome.INVALID if any(each.held for each in same) else ReportOutcome.LEASE_LOST


def hear(call: Call, tenant: TenantId) -> Heard:
    """What a heartbeat is told."""
    executor = call.executor()
    if executor is None or executor.tenant != tenant:
        return Heard(now=call.now, live=False)
    mine = sorted((r for r in call.tasks.live.rows() if r.holder == call.session), key=lambda row: row.id)
    held = [
        HeldLease(
            task_id=row.id,
            token=row.token or 0,
            claimed_at=row.claimed_at or row.ready_at,
            absences=row.absences,
            delivered=not row.is_undelivered,
        )
        for row in mine
        if row.is_held
    ]
    return Heard(
        now=call.now,
        live=True,
        may_claim=executor.may_claim,
        clock_offset=executor.clock_offset,
        held=held,
        stop=[row.as_stop_order() for row in mine if row.is_stopping],
    )
