"""On what terms a job is changed: only as somebody has seen it, or only to see what would come of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from application.scheduling.fire_difference import Standing
from application.scheduling.matching import upstream_triggers
from application.scheduling.ports import SchedulingWork
from domain.scheduling.job import Job
from domain.scheduling.schedule import Schedule
from domain.timing.trigger import Trigger


@dataclass(slots=True)
class Rehearsal:
    """Takes the job and its schedule as they would be stored, and how it stands `before`; None = there is none.

    `upstreams`: the triggers of those whose fires its matches mean.
    """

    job: Job | None = None
    schedule: Schedule | None = None
    before: Standing | None = None
    upstreams: Mapping[str, Trigger] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """`versions`: the job must have one of these, None = whatever it has. With a `rehearsal` nothing is stored.

    `effective_from`: a change takes effect then; None = at once.
    """

    versions: frozenset[int] | None = None
    effective_from: datetime | None = None
    rehearsal: Rehearsal | None = None

    def admit(self, job: Job) -> None:
        """Raises `VersionMismatch`."""
        job.require_version(self.versions)

    async def look(self, work: SchedulingWork, job: Job) -> None:
        """Remember how the job stands, for a rehearsal to compare with."""
        if self.rehearsal is not None:
            self.rehearsal.before = Standing.of(job, await work.schedules.take(job.id))

    async def keep(self, work: SchedulingWork, job: Job, *, changed: bool = True) -> bool:
        """Commit what has changed, or note what would be there; whether it was committed."""
        if self.rehearsal is not None:
            self.rehearsal.job, self.rehearsal.schedule = job, await work.schedules.take(job.id)
            self.rehearsal.upstreams = await upstream_triggers(work, job.tenant, job.definition)
            return False
        if changed:
            await work.commit()
        return True


AS_IT_IS: Final = Terms()
