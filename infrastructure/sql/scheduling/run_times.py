"""How long the latest runs of jobs took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
import sqlalchemy as sa

from domain.scheduling.ids import JobId
from domain.scheduling.task_status import TaskStatus
from infrastructure.sql.engine import DialectName
from infrastructure.sql.scheduling.reading import Reading
from infrastructure.sql.scheduling.schedule_statements import JOBS
from infrastructure.sql.scheduling.task_changes import number, word
from infrastructure.sql.scheduling.task_tables import task_history

LATEST_RUNS: Final = 20
"""Of a job; what it took long ago says little."""

_h = task_history.c


class RunTimeReading(Reading):
    """The part of readers that knows how long jobs take."""

    async def _latest_runs(self, job_ids: Sequence[UUID]) -> Mapping[JobId, Sequence[timedelta]]:
        """Of the latest runs of these jobs those that completed; only jobs that have any."""
        if not job_ids:
            return {}
        dialect = self._store.dialect
        found = await self._all(_RUN_TIMES[dialect], JOBS.bind(dialect, [(id_,) for id_ in job_ids]))
        took = {JobId(job_id): _MICROSECONDS.decode(text) for job_id, text in map(tuple, found) if text is not None}
        return {job_id: [timedelta(microseconds=run) for run in runs] for job_id, runs in took.items() if runs}


def _run_times(dialect: DialectName) -> sa.Select[Any]:
    """For each of `JOBS` a JSON array of microseconds: of its latest runs, those that completed."""
    of = JOBS.source(dialect)
    latest = (
        sa.select(_h.started_at, _h.ended_at, _h.status)
        .where(_h.job_id == of.c.job_id)
        .order_by(_h.id.desc())
        .limit(number(LATEST_RUNS))
        .correlate(of)
        .subquery("latest")
    )
    if dialect == "postgresql":
        took: sa.ColumnElement[Any] = sa.func.extract("epoch", latest.c.ended_at - latest.c.started_at) * 1_000_000
        text: sa.ColumnElement[Any] = sa.cast(sa.func.json_agg(sa.cast(took, sa.BigInteger)), sa.Text)
    else:
        took = sa.type_coerce(latest.c.ended_at, sa.BigInteger) - sa.type_coerce(latest.c.started_at, sa.BigInteger)
        text = sa.func.json_group_array(took, type_=sa.Text)
    completed = sa.and_(latest.c.status == word(TaskStatus.COMPLETED), latest.c.started_at.is_not(None))
    each = sa.select(text).select_from(latest).where(completed).scalar_subquery()
    return sa.select(of.c.job_id, each)


_RUN_TIMES: Final = {dialect: _run_times(dialect) for dialect in ("postgresql", "sqlite")}
_MICROSECONDS: Final = msgspec.json.Decoder(list[int])
