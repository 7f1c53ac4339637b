"""Whole jobs and executors, one at a time, and the lanes."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from domain.scheduling.errors import (
    ExecutorNotFound,
    JobNameTaken,
    JobNotFound,
    StaleVersion,
)
from domain.scheduling.executor import Executor, ExecutorStatus
from domain.scheduling.ids import ExecutorId, JobId, LaneId
from domain.scheduling.job import Job, JobStatus
from domain.scheduling.placement import Lane
from domain.scheduling.ports.executor_repository import ExecutorRepository
from domain.scheduling.ports.job_repository import JobRepository
from domain.scheduling.ports.lane_directory import LaneDirectory
from domain.scheduling.ports.task_queue import Session
from domain.shared.aggregate import Aggregate
from domain.shared.ids import TenantId
from tests.simulation.store.database import KeyTaken, Table, Transaction
from tests.simulation.store.events import told
from tests.simulation.store.statement import statement

Root = TypeVar("Root", bound=Aggregate)


def _clone(root: Root) -> Root:
    clone = copy.copy(root)
    clone.release_events()  # gives it a list of its own
    return clone


def tell(transaction: Transaction, root: Aggregate) -> None:
    """Its events go to the outbox."""
    transaction.events += told(root.release_events())


def _saved(transaction: Transaction, root: Root, stored: Root | None, what: str) -> Root:
    """What is kept of it. Raises `StaleVersion`."""
    if (stored.version if stored else 0) != root.version:
        raise StaleVersion(what)
    tell(transaction, root)
    root.version += 1
    return _clone(root)


class MemoryJobRepository(JobRepository):
    """Part of a unit of work."""

    def __init__(self, transaction: Transaction) -> None:
        self.transaction = transaction
        self._jobs: Table[JobId, Job] = Table(transaction, "jobs")
        self._names: Table[tuple[TenantId, str], JobId] = Table(transaction, "job_names")
        self._lanes: Table[Lane, LaneId] = Table(transaction, "lanes")

    async def get(self, tenant: TenantId, key: JobId | str, *, even_unreadable: bool = False) -> Job:
        job = await self._get(tenant, key)
        if not even_unreadable:
            job.require_readable()
        return job

    @statement
    def _get(self, tenant: TenantId, key: JobId | str) -> Job:
        job_id = JobId(key) if isinstance(key, UUID) else self._names.get((tenant, key))
        job = None if job_id is None else self._jobs.lock(job_id)
        if job is None or job.tenant != tenant or (not isinstance(key, UUID) and job.status is JobStatus.DELETED):
            raise JobNotFound(key)
        return _clone(job)

    @statement
    def of_any_tenant(self, id_: JobId) -> Job:
        job = self._jobs.lock(id_)
        if job is None:
            raise JobNotFound(id_)
        return _clone(job)

    @statement
    def find(self, tenant: TenantId, name: str) -> Job | None:
        job_id = self._names.get((tenant, name))
        job = None if job_id is None else self._jobs.lock(job_id)
        return None if job is None or job.status is JobStatus.DELETED else _clone(job)

    @statement
    def save(self, job: Job) -> None:
        name = job.tenant, job.definition.name
        stored = self._jobs.lock(job.id)
        if job.status is JobStatus.DELETED:
            self._names.remove(name)
        elif stored is None or stored.definition.name != job.definition.name:
            try:
                self._names.insert(name, job.id)
            except KeyTaken:
                raise JobNameTaken(job.definition.name) from None
            if stored is not None:
                self._names.remove((stored.tenant, stored.definition.name))
        number_of(self.transaction, self._lanes, job.lane)
        self._jobs.put(job.id, _saved(self.transaction, job, stored, f"Job {job.definition.name!r}"))


def number_of(transaction: Transaction, lanes: Table[Lane, LaneId], lane: Lane) -> LaneId:
    """The number of a lane, which is made if there is none."""
    found = lanes.get(lane)
    if found is None:
        transaction.database.last_lane += 1
        found = LaneId(transaction.database.last_lane)
        try:
            lanes.insert(lane, found)
        except KeyTaken:
            found = lanes.get(lane)
            assert found is not None
    return found


class MemoryLaneDirectory(LaneDirectory):
    """Part of a unit of work."""

    def __init__(self, transaction: Transaction) -> None:
        self.transaction = transaction
        self._lanes: Table[Lane, LaneId] = Table(transaction, "lanes")

    @statement
    def number(self, lane: Lane) -> LaneId:
        return number_of(self.transaction, self._lanes, lane)

    @statement
    def after(self, last: LaneId) -> Mapping[LaneId, Lane]:
        return {number: lane for lane, number in self._lanes.items() if number > last}


class MemoryExecutorRepository(ExecutorRepository):
    """Part of a unit of work."""

    def __init__(self, transaction: Transaction) -> None:
        self.transaction = transaction
        self._executors: Table[ExecutorId, Executor] = Table(transaction, "executors")

    async def get(self, tenant: TenantId, executor_id: ExecutorId) -> Executor:
        found = await self.find(tenant, executor_id)
        if found is None:
            raise ExecutorNotFound(executor_id)
        return found

    @statement
    def find(self, tenant: TenantId, executor_id: ExecutorId) -> Executor | None:
        found = self._executors.get(executor_id)
        locked = None if found is None or found.tenant != tenant else self._executors.lock(executor_id)
        return None if locked is None else _clone(locked)

    @statement
    def save(self, executor: Executor) -> None:
        stored = self._executors.lock(executor.id)
        self._executors.put(executor.id, _saved(self.transaction, executor, stored, f"Executor {executor.id!r}"))

    @statement
    def take_silent(self, since: datetime, limit: int) -> Sequence[Executor]:
        live = (e for e in self._executors.rows() if e.status is not ExecutorStatus.OFFLINE)
        silent = [e for e in live if e.last_heartbeat_at < since and self._executors.is_free(e.id)]
        silent = sorted(silent, key=lambda e: (e.last_heartbeat_at, e.id))[:limit]
        for executor in silent:
            self._executors.lock(executor.id)
        return [_clone(executor) for executor in silent]

    @statement
    def record_beats(self, beats: Mapping[Session, datetime]) -> None:
        for session, at in sorted(beats.items(), key=lambda beat: beat[0].executor_id):
            found = self._executors.get(session.executor_id)
            if found is None or found.epoch != session.epoch or found.status is ExecutorStatus.OFFLINE:
                continue
            if found.last_heartbeat_at < at:
                self._executors.lock(session.executor_id)
                beaten = _clone(found)
                beaten.last_heartbeat_at = at
                self._executors.put(session.executor_id, beaten)
