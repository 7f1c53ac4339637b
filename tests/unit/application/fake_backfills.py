"""Backfills, and what they have to know of runs, on the dictionaries of the fake store."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from domain.scheduling.backfill import Backfill, BackfillStatus
from domain.scheduling.backfill_errors import BackfillNotFound, BackfillUnderWay
from domain.scheduling.errors import StaleVersion
from domain.scheduling.ids import BackfillId, JobId
from domain.scheduling.ports.backfill_repository import BackfillRepository
from domain.scheduling.ports.run_history import RunHistory
from domain.scheduling.task import Origin
from domain.scheduling.task_status import COUNTS_FOR_OVERLAP
from domain.shared.events import DomainEvent
from domain.shared.ids import TenantId

if TYPE_CHECKING:
    from tests.unit.application.fake_store import Tables

UNDER_WAY = (BackfillStatus.RUNNING, BackfillStatus.PAUSED)


class FakeBackfills(BackfillRepository):
    def __init__(self, tables: Tables, record: Callable[[Sequence[DomainEvent]], None], now: datetime) -> None:
        self._stored, self._record, self._now = tables.backfills, record, now

    async def get(self, tenant: TenantId, backfill_id: BackfillId) -> Backfill:
        found = self._stored.get(backfill_id)
        if found is None or found.tenant != tenant:
            raise BackfillNotFound(backfill_id)
        return _clone(found)

    async def save(self, backfill: Backfill) -> None:
        others = [b for b in self._stored.values() if b.job_id == backfill.job_id and b.id != backfill.id]
        if backfill.status in UNDER_WAY and any(b.status in UNDER_WAY for b in others):
            raise BackfillUnderWay(backfill.job_name)
        stored = self._stored.get(backfill.id)
        if (stored.version if stored else 0) != backfill.version:
            raise StaleVersion(f"Backfill {backfill.id}")
        self._record(backfill.release_events())
        backfill.version += 1
        self._stored[backfill.id] = _clone(backfill)

    async def take_due(self, now: datetime) -> Backfill | None:
        due = [(b.due_at, b.id) for b in self._stored.values() if b.due_at is not None and b.due_at <= now]
        return _clone(self._stored[min(due)[1]]) if due else None

    async def next_due(self) -> datetime | None:
        return min((b.due_at for b in self._stored.values() if b.due_at is not None), default=None)


class FakeRunHistory(RunHistory):
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def fired_among(self, job_id: JobId, keys: Collection[str]) -> Collection[str]:
        entries = self._tables.occurrences.values()
        fired = {e.fire_key for e in entries if e.job_id == job_id and e.decision.runs}
        return fired & set(keys)

    async def live_backfilled(self, job_id: JobId) -> int:
        return sum(
            t.status in COUNTS_FOR_OVERLAP or t.stopping_until is not None
            for t in self._tables.tasks.values()
            if t.job_id == job_id and t.origin is Origin.BACKFILL
        )

    async def longest_backfilled(self, job_id: JobId, backfill_id: BackfillId) -> timedelta:
        ended = [
            (t.id, t.ended_at - t.scheduled_time)
            for t in self._tables.tasks.values()
            if t.job_id == job_id
            and t.origin is Origin.BACKFILL
            and t.id > backfill_id
            and t.ended_at
            and not t.is_live
        ]
        return max((took for _, took in sorted(ended)[-5:]), default=timedelta(0))


def _clone(backfill: Backfill) -> Backfill:
    clone = copy.copy(backfill)
    clone.release_events()
    return clone
