"""Finds jobs for those who name one."""

from __future__ import annotations

from uuid import UUID

from application.notifications.ports import JobLookup
from application.scheduling.queries import SchedulingReader
from domain.shared.ids import TenantId


class ReaderJobLookup(JobLookup):
    """Asks the read side of scheduling."""

    def __init__(self, reader: SchedulingReader) -> None:
        self._reader = reader

    async def id_of(self, tenant: TenantId, job: str) -> UUID:
        try:
            key: UUID | str = UUID(job)
        except ValueError:
            key = job
        return (await self._reader.job(tenant, key)).id
