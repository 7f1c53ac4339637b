"""What the scanner of schedules reads, and the findings that it keeps."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from domain.scheduling.health import Entry, Finding, Vitals
from domain.scheduling.ids import JobId


class HealthBook(Protocol):
    """Nothing here locks: the scanner is in nobody's way."""

    @abstractmethod
    async def vitals(self, after: JobId | None, limit: int) -> Sequence[Vitals]:
        """Of the schedules of ACTIVE jobs, in the order of their ids; those that cannot be read are left out."""

    @abstractmethod
    async def overdue(self, before: datetime, limit: int) -> Sequence[Vitals]:
        """Of those that have been due since before this instant, the longest first."""

    @abstractmethod
    async def vitals_of(self, job_id: JobId) -> Vitals | None:
        """Of one; None if its job is not ACTIVE."""

    @abstractmethod
    async def entries(self, since: Mapping[JobId, datetime]) -> Mapping[JobId, Sequence[Entry]]:
        """Of the ledgers of these jobs those about times from that instant on."""

    @abstractmethod
    async def known(self, job_ids: Sequence[JobId]) -> Mapping[JobId, Sequence[Finding]]:
        """The findings that are kept of these jobs."""

    @abstractmethod
    async def keep(self, findings: Mapping[JobId, Sequence[Finding]]) -> Sequence[JobId]:
        """Replace the findings of these jobs; those whose ailments are not what they were."""
