"""What is in the way of fires, counted under the locks of their schedules."""

from __future__ import annotations

from collections.abc import Sequence

from domain.scheduling.ids import JobId
from domain.scheduling.schedule import Schedule
from infrastructure.sql.relation import Statement
from infrastructure.sql.scheduling.buffered import COUNT_WAITING
from infrastructure.sql.scheduling.schedule_rows import with_live
from infrastructure.sql.scheduling.schedule_statements import COUNT_LIVE, JOBS
from infrastructure.sql.unit_of_work import SqlUnitOfWork


async def counted(work: SqlUnitOfWork, taken: Sequence[Schedule], minding: Sequence[Schedule]) -> list[Schedule]:
    """Those that were `taken`, with the tasks in the way of those that are `minding` them.

    By statements of their own, after the locks: what others have committed until then has to be seen.
    """
    live = await _count(work, COUNT_LIVE, minding)
    waiting = await _count(work, COUNT_WAITING, [s for s in minding if s.policy.overlap.takes_turns])
    return [with_live(s, live.get(s.job_id, 0), waiting.get(s.job_id, 0)) for s in taken]


async def _count(work: SqlUnitOfWork, statement: Statement, of: Sequence[Schedule]) -> dict[JobId, int]:
    if not of:
        return {}
    those = JOBS.bind(work.dialect, [(schedule.job_id,) for schedule in of])
    return {JobId(job_id): count for job_id, count in await work.fetch(statement, **those)}
