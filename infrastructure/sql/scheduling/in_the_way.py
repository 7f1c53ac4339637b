"""What is in the way of fires, counted under the locks of their schedules."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from domain.scheduling.policies import FiringPolicy
from domain.scheduling.schedule import Schedule
from infrastructure.sql.relation import Row, Statement
from infrastructure.sql.scheduling.buffered import COUNT_WAITING
from infrastructure.sql.scheduling.schedule_rows import with_live
from infrastructure.sql.scheduling.schedule_statements import COUNT_LIVE, JOBS
from infrastructure.sql.unit_of_work import SqlUnitOfWork

NONE_WAIT = (0, 0)


async def counted(work: SqlUnitOfWork, taken: Sequence[Schedule], minding: Sequence[Schedule]) -> list[Schedule]:
    """Those that were `taken`, with what is in the way of those that are `minding` it.

    By statements of their own, after the locks: what others have committed until then has to be seen.
    """
    live: dict[UUID, int] = dict(await _count(work, COUNT_LIVE, minding))
    rows = await _count(work, COUNT_WAITING, [s for s in minding if _may_wait(s.policy)])
    waiting: dict[UUID, tuple[int, int]] = {job_id: (count, reserved) for job_id, count, reserved in rows}
    return [with_live(s, live.get(s.job_id, 0), *waiting.get(s.job_id, NONE_WAIT)) for s in taken]


def _may_wait(policy: FiringPolicy) -> bool:
    """Fires wait for their turn; or did so under an earlier policy, and will count when they have it."""
    return policy.overlap.takes_turns or policy.max_executions is not None


async def _count(work: SqlUnitOfWork, statement: Statement, of: Sequence[Schedule]) -> Sequence[Row]:
    if not of:
        return ()
    return await work.fetch(statement, **JOBS.bind(work.dialect, [(schedule.job_id,) for schedule in of]))
