"""Tasks that wait at a limit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from domain.scheduling.admission import Admission, Candidate, KeyKind, LimitKey, Standing
from domain.scheduling.ids import JobId, LaneId, TaskId
from domain.scheduling.job import Job, JobStatus
from domain.scheduling.occurrence import Decision, is_asked_for
from domain.scheduling.ports.admission_queue import AdmissionQueue
from domain.scheduling.priority import rank
from domain.scheduling.rate import RateUse
from domain.scheduling.task_status import Gate, TaskStatus
from tests.simulation.store.database import Table, Transaction
from tests.simulation.store.rows import TaskRow
from tests.simulation.store.schedule_table import ScheduleTable
from tests.simulation.store.statement import statement
from tests.simulation.store.task_table import TaskTable

GATE = {KeyKind.SLOT: Gate.LIMIT, KeyKind.RATE: Gate.RATE, KeyKind.TURN: Gate.FAIRNESS}


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """What is remembered of a key, and its lock."""

    used: RateUse
    free_at: datetime | None = None


_UNUSED = KeyRow(used=RateUse())


class MemoryAdmissionQueue(AdmissionQueue):
    """Part of a unit of work."""

    def __init__(self, transaction: Transaction) -> None:
        self.transaction = transaction
        self._tasks = TaskTable(transaction)
        self._schedules = ScheduleTable(transaction)
        self._jobs: Table[JobId, Job] = Table(transaction, "jobs")
        self._keys: Table[LimitKey, KeyRow] = Table(transaction, "limit_keys")

    @statement
    def keys_with_room(self, now: datetime, limit: int) -> Sequence[LimitKey]:
        heads: dict[LimitKey, TaskRow] = {}
        for kind in KeyKind:
            for row in self._at(kind):
                heads.setdefault(_key(row, kind), row)
        return [key for key, head in sorted(heads.items(), key=lambda each: each[0]) if self._has_room(key, head, now)][
            :limit
        ]

    @statement
    def waiting(self, keys: Sequence[LimitKey], each: int) -> Sequence[Candidate]:
        found = {}
        for key in keys:
            for row in [row for row in self._at(key.kind) if _key(row, key.kind) == key][:each]:
                found[row.id] = _candidate(row)
        return list(found.values())

    async def lock(self, keys: Collection[LimitKey]) -> frozenset[LimitKey]:
        await self._make(keys)
        return await self._lock(keys)

    @statement
    def _make(self, keys: Collection[LimitKey]) -> None:
        for key in sorted(keys):
            if self._keys.get(key) is None:
                self._keys.insert(key, _UNUSED)

    @statement
    def _lock(self, keys: Collection[LimitKey]) -> frozenset[LimitKey]:
        free = [key for key in sorted(keys) if self._keys.is_free(key)]
        for key in free:
            self._keys.lock(key)
        return frozenset(free)

    @statement
    def take(self, ids: Sequence[TaskId]) -> Sequence[Candidate]:
        waiting = [r for r in self._in_order() if r.id in ids and r.gate in GATE.values()]
        taken = list(self._tasks.take(r for r in waiting if self._tasks.live.is_free(r.id)))
        return self._in_turn([_candidate(row) for row in taken])

    def _in_turn(self, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        """Without the fires whose schedule another one has, and those behind them."""
        ids = {candidate.task_id for candidate in candidates}
        entries = [entry.occurrence for entry in self._schedules.ledger.rows()]
        waiting = {o.task_id: o for o in entries if o.decision is Decision.BUFFERED and o.task_id in ids}
        left: list[Candidate] = []
        passed_over: set[LimitKey] = set()
        free = {o.job_id for o in waiting.values() if self._schedules.rows.is_free(o.job_id)}
        for job_id in sorted(free):
            self._schedules.rows.lock(job_id)
        for candidate in candidates:
            entry = waiting.get(candidate.task_id)
            if candidate.slot is not None and entry is not None and entry.job_id not in free:
                passed_over.add(candidate.slot)
            if candidate.slot is not None and candidate.slot in passed_over:
                continue
            held = entry is not None and not is_asked_for(entry.fire_key) and self._is_paused(entry.job_id)
            left.append(replace(candidate, held=held))
        return left

    def _is_paused(self, job_id: JobId) -> bool:
        job = self._jobs.get(job_id)
        return job is not None and job.status is JobStatus.PAUSED

    @statement
    def resume(self, job_id: JobId) -> None:
        for row in self._in_order():
            if row.job_id == job_id and row.gate is Gate.PAUSED and (held := self._tasks.live.lock(row.id)) is not None:
                self._tasks.live.put(row.id, replace(held, gate=held.limit_gate, version=held.version + 1))

    @statement
    def standing(self, keys: Collection[LimitKey]) -> Standing:
        counted = [key for key in sorted(keys) if key.kind is not KeyKind.RATE]
        rates = [key for key in sorted(keys) if key.kind is KeyKind.RATE]
        return Standing(
            taken={key: self._taken(key) for key in counted},
            used={key: (self._keys.get(key) or _UNUSED).used for key in rates},
        )

    @statement
    def record(
        self, admissions: Sequence[Admission], used: Mapping[LimitKey, RateUse], now: datetime
    ) -> Mapping[LaneId, int]:
        for admission in admissions:
            self._move(admission, now)
        begun = [a.candidate.task_id for a in admissions if a.gate is None]
        self._schedules.begin(begun)
        free_at = {a.candidate.rate: a.free_at for a in reversed(admissions) if a.free_at is not None}
        for key in sorted({*used, *(key for key in free_at if key is not None)}):
            self._keys.put(key, KeyRow(used=used.get(key, RateUse()), free_at=free_at.get(key)))
        return Counter(a.candidate.lane for a in admissions if a.gate is None)

    def _move(self, admission: Admission, now: datetime) -> None:
        row = self._tasks.live.lock(admission.candidate.task_id)
        if row is None:
            return
        moved = replace(row, gate=admission.gate, version=row.version + 1)
        if admission.gate is None:
            if row.turn is not None:
                moved = replace(moved, rank=rank(now, row.priority))
            if row.status is TaskStatus.PENDING:
                patience = None if row.queue_patience is None else now + row.queue_patience
                ends = [end for end in (patience, row.total_deadline_at) if end is not None]
                moved = replace(moved, expires_at=min(ends, default=None))
        self._tasks.live.put(row.id, moved)

    @statement
    def next_free(self) -> datetime | None:
        waited_for = {_key(row, KeyKind.RATE) for row in self._at(KeyKind.RATE)}
        rows = (self._keys.get(key) for key in waited_for)
        return min((row.free_at for row in rows if row is not None and row.free_at is not None), default=None)

    def _has_room(self, key: LimitKey, head: TaskRow, now: datetime) -> bool:
        if key.kind is KeyKind.RATE:
            known = self._keys.get(key)
            return known is None or known.free_at is None or known.free_at <= now
        return self._taken(key) < (head.most if key.kind is KeyKind.SLOT else head.window)

    def _in_order(self) -> list[TaskRow]:
        return sorted(self._tasks.live.rows(), key=lambda row: (row.rank, row.id))

    def _at(self, kind: KeyKind) -> list[TaskRow]:
        return [row for row in self._in_order() if row.gate is GATE[kind]]

    def _taken(self, key: LimitKey) -> int:
        rows = self._tasks.live.rows()
        if key.kind is KeyKind.SLOT:
            return sum(r.slot == key and (r.gate is None or r.holder is not None or r.keeps_turn) for r in rows)
        return sum(row.turn == key and row.gate is None and row.holder is None for row in rows)


def _key(row: TaskRow, kind: KeyKind) -> LimitKey:
    key = {KeyKind.SLOT: row.slot, KeyKind.RATE: row.rate, KeyKind.TURN: row.turn}[kind]
    assert key is not None
    return key


def _candidate(row: TaskRow) -> Candidate:
    return Candidate(
        task_id=row.id,
        lane=row.lane,
        priority=row.priority,
        slot=None if row.keeps_turn else row.slot,
        most=row.most,
        rate=row.rate,
        terms=row.terms,
        turn=row.turn,
        window=row.window,
    )
