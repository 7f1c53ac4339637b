"""Changes of jobs that were announced: withdrawn, or made when their time has come."""

from __future__ import annotations

from application.scheduling.job_management import JobKey
from application.scheduling.job_planning import JobPlanning
from application.scheduling.job_terms import AS_IT_IS, Terms
from application.scheduling.ports import BeginWork
from application.shared.principal import Principal
from domain.scheduling.ids import JobId


class ComingChanges:
    """They are announced like any change, with an instant (`Terms.effective_from`)."""

    def __init__(self, begin: BeginWork, planning: JobPlanning) -> None:
        self._begin = begin
        self._planning = planning

    async def withdraw(self, principal: Principal, key: JobKey, terms: Terms = AS_IT_IS) -> JobId:
        """What was announced does not take effect; if nothing was, nothing happens.

        Raises `JobNotFound`, `VersionMismatch`.
        """
        async with self._begin() as work:
            job = await work.jobs.get(principal.tenant, key)
            terms.admit(job)
            await terms.look(work, job)
            changed = await self._planning.withdraw(work, job, principal)
            kept = await terms.keep(work, job, changed=changed)
        if kept:
            self._planning.committed(job)
        return job.id

    async def take_effect(self, id_: JobId) -> None:
        """Make of a job what was announced for an instant that has come; nothing happens if another node has done so.

        Raises `JobNotFound`, `Invalid` for a change that cannot be made any more.
        """
        async with self._begin() as work:
            job = await work.jobs.of_any_tenant(id_)
            if not await self._planning.take_effect(work, job):
                return
            await work.commit()
        self._planning.committed(job)
