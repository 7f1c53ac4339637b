"""Limits of the fake store: what is taken is counted from the tasks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from domain.scheduling.admission import Admission, Candidate, KeyKind, LimitKey, Standing
from domain.scheduling.ids import JobId, LaneId, TaskId
from domain.scheduling.job import Job, JobStatus
from domain.scheduling.key_template import OWN_SLOT
from domain.scheduling.limits import TaskKeys
from domain.scheduling.occurrence import Decision, Occurrence, is_asked_for
from domain.scheduling.ports.admission_queue import AdmissionQueue
from domain.scheduling.rate import RateTerms, RateUse
from domain.scheduling.task import NewTask, Origin
from domain.scheduling.task_status import Gate, TaskStatus

if TYPE_CHECKING:
    from tests.unit.application.fake_queues import StoredTask
    from tests.unit.application.fake_store import Tables

GATE = {KeyKind.SLOT: Gate.LIMIT, KeyKind.RATE: Gate.RATE, KeyKind.TURN: Gate.FAIRNESS}


def limits_of(job: Job, task: NewTask, lane: LaneId) -> dict[str, Any]:
    """The fields of a stored task that are about limits."""
    limits, given = job.definition.limits, task.keys
    own = limits.keys(job.definition.parameters)
    keys = TaskKeys(slot=given.slot or own.slot, rate=given.rate or own.rate, turn=given.turn or own.turn)
    found: dict[str, Any] = {}
    if job.definition.firing.overlap.takes_turns and task.origin is not Origin.DIRECT:
        found |= {"slot": LimitKey(KeyKind.SLOT, f"{job.tenant}/{OWN_SLOT}{job.id}"), "most": 1}
    if limits.concurrency is not None:
        found |= {"slot": LimitKey(KeyKind.SLOT, f"{job.tenant}/{keys.slot}"), "most": limits.concurrency.limit}
    if (rate := limits.rate) is not None:
        terms = RateTerms(
            algorithm=rate.algorithm, limit=rate.limit, per=rate.per, capacity=rate.capacity, weight=rate.weight
        )
        found |= {"rate": LimitKey(KeyKind.RATE, f"{job.tenant}/{keys.rate}"), "terms": terms}
    if limits.fairness is not None:
        found |= {"turn": LimitKey(KeyKind.TURN, f"{lane}/{keys.turn}"), "window": limits.fairness.window}
    return found


def keeps_turn(task: StoredTask) -> bool:
    """It waits for its next attempt, and its turn is not over."""
    return task.status is TaskStatus.WAITING_RETRY and task.slot is not None and f"/{OWN_SLOT}" in task.slot.text


def limit_gate(task: StoredTask) -> Gate | None:
    """Where it waits that nothing but limits keeps from the queue."""
    if task.slot is not None and not keeps_turn(task):
        return Gate.LIMIT
    if task.turn is not None:
        return Gate.FAIRNESS
    return None if task.rate is None else Gate.RATE


class FakeAdmissionQueue(AdmissionQueue):
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def keys_with_room(self, now: datetime, limit: int) -> Sequence[LimitKey]:
        heads: dict[LimitKey, StoredTask] = {}
        for kind in KeyKind:
            for task in self._at(kind):
                heads.setdefault(_key(task, kind), task)
        return [key for key, head in heads.items() if self._has_room(key, head, now)][:limit]

    async def waiting(self, keys: Sequence[LimitKey], each: int) -> Sequence[Candidate]:
        found = {t.id: _candidate(t) for key in keys for t in self._waiting_at(key)[:each]}
        return list(found.values())

    async def lock(self, keys: Collection[LimitKey]) -> frozenset[LimitKey]:
        return frozenset(keys)

    async def take(self, ids: Sequence[TaskId]) -> Sequence[Candidate]:
        waiting = [task for task in self._in_order() if task.id in ids and task.gate in GATE.values()]
        held = {
            o.task_id
            for o in self._tables.occurrences.values()
            if o.decision is Decision.BUFFERED
            and not is_asked_for(o.fire_key)
            and self._tables.jobs[o.job_id].status is JobStatus.PAUSED
        }
        return [replace(_candidate(task), held=task.id in held) for task in waiting]

    async def standing(self, keys: Collection[LimitKey]) -> Standing:
        return Standing(
            taken={key: self._taken(key) for key in keys if key.kind is not KeyKind.RATE},
            used={key: self._tables.used.get(key, RateUse()) for key in keys if key.kind is KeyKind.RATE},
        )

    async def record(
        self, admissions: Sequence[Admission], used: Mapping[LimitKey, RateUse], now: datetime
    ) -> Mapping[LaneId, int]:
        for admission in admissions:
            task = self._tables.tasks[admission.candidate.task_id]
            self._tables.tasks[task.id] = replace(task, gate=admission.gate)
            if admission.candidate.rate is not None:
                self._tables.free_at.pop(admission.candidate.rate, None)
        for admission in reversed(admissions):
            if admission.free_at is not None and admission.candidate.rate is not None:
                self._tables.free_at[admission.candidate.rate] = admission.free_at
        self._tables.used |= used
        begun = {a.candidate.task_id for a in admissions if a.gate is None}
        for entry in list(self._tables.occurrences.values()):
            if entry.decision is Decision.BUFFERED and entry.task_id in begun:
                self._tables.occurrences[entry.id] = replace(entry, decision=Decision.FIRED)
                self._count(entry)
        return Counter(a.candidate.lane for a in admissions if a.gate is None)

    def _count(self, entry: Occurrence) -> None:
        if is_asked_for(entry.fire_key):
            return
        schedule = self._tables.schedules[entry.job_id]
        state = replace(schedule.state, fired_count=schedule.state.fired_count + 1)
        schedule = replace(schedule, state=state)
        if state.fired_count == schedule.policy.max_executions:
            schedule = replace(schedule, upcoming=(), exhausted=True)
        self._tables.schedules[entry.job_id] = schedule

    async def resume(self, job_id: JobId) -> None:
        for task in list(self._tables.tasks.values()):
            if task.job_id == job_id and task.gate is Gate.PAUSED:
                self._tables.tasks[task.id] = replace(task, gate=limit_gate(task))

    async def next_free(self) -> datetime | None:
        waited_for = {task.rate for task in self._at(KeyKind.RATE)}
        return min((at for key, at in self._tables.free_at.items() if key in waited_for), default=None)

    def _has_room(self, key: LimitKey, head: StoredTask, now: datetime) -> bool:
        if key.kind is KeyKind.RATE:
            return self._tables.free_at.get(key, now) <= now
        return self._taken(key) < (head.most if key.kind is KeyKind.SLOT else head.window)

    def _in_order(self) -> list[StoredTask]:
        return sorted(self._tables.tasks.values(), key=lambda task: (task.ready_at, task.id))

    def _at(self, kind: KeyKind) -> list[StoredTask]:
        return [task for task in self._in_order() if task.gate is GATE[kind]]

    def _waiting_at(self, key: LimitKey) -> list[StoredTask]:
        return [task for task in self._at(key.kind) if _key(task, key.kind) == key]

    def _taken(self, key: LimitKey) -> int:
        live = [task for task in self._tables.tasks.values() if task.is_live]
        if key.kind is KeyKind.SLOT:
            return sum(t.slot == key and (t.gate is None or t.holder is not None or keeps_turn(t)) for t in live)
        return sum(task.turn == key and task.gate is None and task.holder is None for task in live)


def _key(task: StoredTask, kind: KeyKind) -> LimitKey:
    key = {KeyKind.SLOT: task.slot, KeyKind.RATE: task.rate, KeyKind.TURN: task.turn}[kind]
    assert key is not None
    return key


def _candidate(task: StoredTask) -> Candidate:
    return Candidate(
        task_id=task.id,
        lane=task.lane,
        priority=5,
        slot=None if keeps_turn(task) else task.slot,
        most=task.most,
        rate=task.rate,
        terms=task.terms,
        turn=task.turn,
        window=task.window,
    )
