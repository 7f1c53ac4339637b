"""What is known of a job's runs, for those who have to fit in with them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection
from datetime import timedelta
from typing import Protocol

from domain.scheduling.ids import BackfillId, JobId


class RunHistory(Protocol):
    """Ask under the lock of the job's schedule: only then does the answer stay true until the commit."""

    @abstractmethod
    async def fired_among(self, job_id: JobId, keys: Collection[str]) -> Collection[str]:
        """Those of these fire keys that the ledger has as FIRED."""

    @abstractmethod
    async def live_backfilled(self, job_id: JobId) -> int:
        """How many tasks that backfills of the job have caused are live, as overlap counts them."""

    @abstractmethod
    async def longest_backfilled(self, job_id: JobId, backfill_id: BackfillId) -> timedelta:
        """How long the longest of the last five ended tasks of this backfill took, from its creation on; else 0."""
