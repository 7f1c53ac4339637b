"""Executors that beat and finish nothing, found among those whose every task has been running for a while."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from domain.scheduling.executor import ExecutorStatus
from domain.scheduling.ids import TaskId
from domain.scheduling.stall import SHORTEST, RunningTask, Stall, stall_of, usual_duration
from infrastructure.sql.scheduling.reading import Row
from infrastructure.sql.scheduling.run_times import RunTimeReading
from infrastructure.sql.scheduling.tables import executors
from infrastructure.sql.scheduling.task_changes import is_held, t, word
from infrastructure.sql.scheduling.task_tables import tasks

_e = executors.c


class StallReading(RunTimeReading):
    """Two statements, the second only where something may be wrong: usually no task runs for so long."""

    async def _stalls(self, now: datetime, among: Collection[str] | None = None) -> Mapping[str, Stall]:
        """Which of these executors, or of all, are stalled."""
        running: dict[str, list[Row]] = defaultdict(list)
        for row in await self._all(_long_running(now, among)):
            running[row.executor_id].append(row)
        job_ids = {row.job_id for rows in running.values() for row in rows}
        latest = await self._latest_runs(sorted(job_ids))
        usual = {job_id: usual_duration(runs) for job_id, runs in latest.items()}
        judged = (
            (id_, stall_of([_task(row, usual.get(row.job_id)) for row in rows], now)) for id_, rows in running.items()
        )
        return {id_: stall for id_, stall in judged if stall is not None}

    async def _present(self) -> datetime:
        """The store's time."""
        if self._store.dialect == "sqlite":
            return self._store.clock.now()
        ((now,),) = await self._all(sa.select(sa.func.statement_timestamp()))
        return now  # type: ignore[no-any-return]


def _long_running(now: datetime, among: Collection[str] | None) -> sa.Select[Any]:
    """What executors run that began all of it long enough ago; one that has yet to begin a task is not judged."""
    is_one = t.executor_id.is_not(None) if among is None else t.executor_id.in_(list(among))
    lives = sa.and_(_e.id == t.executor_id, _e.status != word(ExecutorStatus.OFFLINE))
    waits = sa.func.count() - sa.func.count(t.started_at)
    suspects = (
        sa.select(t.executor_id)
        .join_from(tasks, executors, lives)
        .where(is_one, is_held())
        .group_by(t.executor_id)
        .having(sa.func.max(t.started_at, type_=t.started_at.type) <= now - SHORTEST, waits == 0)
    )
    shown = (t.executor_id, t.id, t.job_id, t.job_name, t.started_at, t.timeout_s)
    return sa.select(*shown).where(t.executor_id.in_(suspects), is_held())


def _task(row: Row, usual: timedelta | None) -> RunningTask:
    return RunningTask(
        task_id=TaskId(row.id),
        job_name=row.job_name,
        started_at=row.started_at,
        usual=usual,
        timeout=None if row.timeout_s is None else timedelta(seconds=row.timeout_s),
    )
