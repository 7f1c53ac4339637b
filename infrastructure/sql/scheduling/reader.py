"""The read side of scheduling in SQL."""

from __future__ import annotations

import sqlalchemy as sa

from application.scheduling.queries import SchedulingReader
from infrastructure.sql.scheduling.reader_executors import ExecutorReading
from infrastructure.sql.scheduling.reader_failures import FailureReading
from infrastructure.sql.scheduling.reader_jobs import JobReading
from infrastructure.sql.scheduling.reader_ledger import LedgerReading
from infrastructure.sql.scheduling.reader_logs import LogReading
from infrastructure.sql.scheduling.reader_tasks import TaskReading


class SqlSchedulingReader(
    JobReading, TaskReading, FailureReading, LogReading, LedgerReading, ExecutorReading, SchedulingReader
):
    """Reads from the store's read engine."""

    async def ping(self) -> None:
        """Ask the store for nothing. Raises when it does not answer."""
        await self._first(sa.select(sa.literal(1)))
