"""What the scanner of schedules reads and keeps, on the dictionaries of the fake store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from domain.scheduling.health import Entry, Finding, Vitals
from domain.scheduling.ids import JobId
from domain.scheduling.job import JobStatus
from domain.scheduling.ports.health_book import HealthBook
from tests.builders import NOON

if TYPE_CHECKING:
    from tests.unit.application.fake_store import Tables

LONG_AGO = NOON.replace(year=1970)


class FakeHealthBook(HealthBook):
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def vitals(self, after: JobId | None, limit: int) -> Sequence[Vitals]:
        ids = sorted(id_ for id_ in self._tables.schedules if after is None or id_ > after)
        found = [await self.vitals_of(id_) for id_ in ids]
        return [each for each in found if each is not None][:limit]

    async def overdue(self, before: datetime, limit: int) -> Sequence[Vitals]:
        late = [each for each in await self.vitals(None, 1_000_000) if each.due_at is not None and each.due_at < before]
        return late[:limit]

    async def vitals_of(self, job_id: JobId) -> Vitals | None:
        job, schedule = self._tables.jobs.get(job_id), self._tables.schedules.get(job_id)
        if job is None or schedule is None or job.status is not JobStatus.ACTIVE:
            return None
        error, retry_at = self._tables.aside.get(job_id, (None, None))
        ended_at = None
        if schedule.awaited is not None:
            run = self._tables.tasks.get(schedule.awaited)
            ended_at = (run.ended_at if run else LONG_AGO) if run is None or not run.is_live else None
        return Vitals(
            schedule=schedule,
            due_at=retry_at or schedule.due_at,
            job_version=job.definition_version,
            error=error,
            failures=1 if error else 0,
            awaited_ended_at=ended_at,
        )

    async def entries(self, since: Mapping[JobId, datetime]) -> Mapping[JobId, Sequence[Entry]]:
        found: dict[JobId, list[Entry]] = {job_id: [] for job_id in since}
        for entry in self._tables.occurrences.values():
            if entry.job_id in since and entry.last_nominal >= since[entry.job_id]:
                found[entry.job_id].append(Entry(entry.first_nominal, entry.last_nominal))
        return found

    async def known(self, job_ids: Sequence[JobId]) -> Mapping[JobId, Sequence[Finding]]:
        return {job_id: self._tables.findings[job_id] for job_id in job_ids if job_id in self._tables.findings}

    async def keep(self, findings: Mapping[JobId, Sequence[Finding]]) -> Sequence[JobId]:
        changed = []
        for job_id, present in findings.items():
            before = self._tables.findings.pop(job_id, ())
            if {f.ailment for f in before} != {f.ailment for f in present}:
                changed.append(job_id)
            if present:
                self._tables.findings[job_id] = tuple(present)
        return changed
