"""An eye on schedules that trusts no loop: what fires and what should have, compared again and again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from application.scheduling.job_management import JobKey
from application.scheduling.ports import BeginWork, SchedulingWork
from application.scheduling.switches import NOTHING_STOPPED, Stops
from application.shared.principal import Principal
from application.shared.wake_up import PLANNER, WakeUp
from domain.scheduling.events import ScheduleHealthChanged
from domain.scheduling.health import (
    PATIENCE,
    REPAIRABLE,
    Entry,
    Finding,
    HealthStatus,
    Vitals,
    examine,
    ledger_from,
    recomputed,
    status_of,
    unreadable,
)
from domain.scheduling.ids import JobId
from domain.timing.ports import Calendars
from domain.timing.trigger import Trigger

log = logging.getLogger(__name__)

EVERY: Final = timedelta(seconds=15)
BATCH: Final = 100
"""Schedules that one look examines, some hundred milliseconds: a thousand of them take two and a half minutes."""

_SLICE: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkup:
    """What was found about the schedule of a job at `checked_at`; `vitals` None = the job is not ACTIVE."""

    job_id: JobId
    findings: Sequence[Finding]
    vitals: Vitals | None
    checked_at: datetime

    @property
    def status(self) -> HealthStatus:
        """That of the worst finding."""
        return status_of(self.findings)


class HealthScanner:
    """Any number may run at once: findings are kept once, and a change is told once."""

    def __init__(self, begin: BeginWork, calendars: Calendars, wake_up: WakeUp, stops: Stops = NOTHING_STOPPED) -> None:
        self._begin = begin
        self._calendars = calendars
        self._wake_up = wake_up
        self._stops = stops
        self._after: JobId | None = None

    async def tick(self) -> timedelta:
        """Examine what is overdue, and the next of all the others; how long until the next look."""
        stopped = await self._stops.firing_is_stopped()
        async with self._begin() as work:
            batch = await work.health.vitals(self._after, BATCH)
            late = [] if stopped else await work.health.overdue(work.now - PATIENCE, BATCH)
            self._after = batch[-1].schedule.job_id if len(batch) == BATCH else None
            vitals = {each.schedule.job_id: each for each in (*late, *batch)}
            findings = await self._examined(work, vitals, stopped)
            known = await work.health.known(list(vitals))
            news = {job_id: found for job_id, found in findings.items() if found or job_id in known}
            changed = await work.health.keep(news) if news else ()
            work.record([_changed(job_id, findings[job_id], work.now) for job_id in changed])
            await work.commit()
        for job_id, found in findings.items():
            if found and all(finding.ailment in REPAIRABLE for finding in found):
                await self._repair(job_id, stopped)
        return EVERY

    async def check(self, principal: Principal, key: JobKey) -> Checkup:
        """Examine the schedule of one job now; nothing is kept. Raises `JobNotFound`."""
        stopped = await self._stops.firing_is_stopped()
        async with self._begin() as work:
            job = await work.jobs.get(principal.tenant, key, even_unreadable=True)
            vitals = await work.health.vitals_of(job.id)
            findings = await self._examined(work, {} if vitals is None else {job.id: vitals}, stopped)
            now = work.now
        return Checkup(job_id=job.id, findings=findings.get(job.id, ()), vitals=vitals, checked_at=now)

    async def _examined(
        self, work: SchedulingWork, vitals: Mapping[JobId, Vitals], stopped: bool
    ) -> dict[JobId, list[Finding]]:
        triggers = await work.schedules.triggers(list(vitals))
        since = {job_id: ledger_from(each.schedule, work.now) for job_id, each in vitals.items()}
        entries = await work.health.entries({job_id: at for job_id, at in since.items() if at is not None})
        findings: dict[JobId, list[Finding]] = {}
        for n, (job_id, each) in enumerate(vitals.items()):
            trigger = triggers.get(job_id)
            if trigger is None:
                findings[job_id] = [unreadable(each)]
                continue
            findings[job_id] = self._of(each, trigger, entries.get(job_id, ()), work.now, stopped)
            if n % _SLICE == _SLICE - 1:
                await asyncio.sleep(0)
        return findings

    def _of(
        self, vitals: Vitals, trigger: Trigger, entries: Sequence[Entry], now: datetime, stopped: bool
    ) -> list[Finding]:
        try:
            return examine(vitals, trigger, self._calendars, entries, now, firing_stopped=stopped)
        except Exception:
            log.exception("the schedule of job %s cannot be examined", vitals.schedule.job_id)
            return []

    async def _repair(self, job_id: JobId, stopped: bool) -> None:
        """Look again under the locks, and only then plan anew."""
        async with self._begin() as work:
            await work.schedules.take(job_id)
            fresh = await work.health.vitals_of(job_id)
            if fresh is None:
                return
            findings = await self._examined(work, {job_id: fresh}, stopped)
            if not any(finding.ailment in REPAIRABLE for finding in findings.get(job_id, ())):
                return
            trigger = (await work.schedules.triggers([job_id]))[job_id]
            await work.schedules.put(recomputed(fresh, trigger, self._calendars, work.now))
            await work.commit()
        log.warning("schedule of job %s planned anew: %s", job_id, "; ".join(f.detail for f in findings[job_id]))
        self._wake_up.signal(PLANNER)


def _changed(job_id: JobId, findings: Sequence[Finding], now: datetime) -> ScheduleHealthChanged:
    return ScheduleHealthChanged(
        occurred_at=now,
        job_id=job_id,
        status=status_of(findings),
        ailments=tuple(finding.ailment for finding in findings),
    )
