"""Schedules that await the end of a run, in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from domain.scheduling.ids import TaskId
from domain.scheduling.ports.chain_queue import ChainQueue
from domain.scheduling.task_status import TaskStatus
from infrastructure.sql.engine import DialectName
from infrastructure.sql.relation import Relation, Statement, words
from infrastructure.sql.scheduling.tables import schedules
from infrastructure.sql.scheduling.task_tables import task_history, tasks
from infrastructure.sql.types import Instant
from infrastructure.sql.unit_of_work import SqlUnitOfWork

_s = schedules.c


class SqlChainQueue(ChainQueue):
    """Found by an index that only such schedules are in."""

    def __init__(self, work: SqlUnitOfWork) -> None:
        self._work = work

    async def go_on(self, now: datetime, limit: int) -> int:
        ended = await self._work.fetch(FIND_ENDED, b_limit=limit)
        if not ended:
            return 0
        # A statement of its own, after the locks: one whose run had ended may have fired again meanwhile.
        return len(await self._work.fetch(GO_ON, b_now=now, **_ENDED.bind(self._work.dialect, ended)))

    async def awaited(self, limit: int) -> Sequence[TaskId]:
        return [TaskId(task_id) for (task_id,) in await self._work.fetch(AWAITED, b_limit=limit)]


_ENDED: Final = Relation("e", job_id=sa.Uuid, awaited_task=sa.Uuid)
_LIMIT: Final = sa.bindparam("b_limit", type_=sa.Integer)
_ENDED_BY_THE_SERVER: Final = (TaskStatus.TIMEOUT, TaskStatus.CANCELLED)


def _is_over() -> sa.ColumnElement[bool]:
    """A run that has been told to stop and has not done so yet is still among the tasks."""
    return ~sa.exists().where(tasks.c.id == _s.awaited_task)


def _find_ended() -> sa.Select[Any]:
    ended = sa.select(_s.job_id, _s.awaited_task).where(_s.awaited_task.is_not(None), _is_over())
    return ended.limit(_LIMIT).with_for_update(skip_locked=True, of=schedules)


def _go_on(dialect: DialectName) -> sa.Update:
    e, h, now = _ENDED.source(dialect), task_history.c, sa.bindparam("b_now", type_=Instant)
    # History says when it was told to stop. It has stopped since the last look, and nobody noted when.
    was_stopped = sa.and_(h.status.in_(words(_ENDED_BY_THE_SERVER)), h.executor_id.is_not(None))
    end = sa.func.max(sa.case((was_stopped, now), else_=h.ended_at), type_=Instant)
    known = sa.select(end).where(h.id == _s.awaited_task).scalar_subquery()
    asks = sa.and_(_s.active, ~_s.exhausted)
    change: dict[str, Any] = {
        "last_end": sa.func.coalesce(known, now, type_=Instant),
        "awaited_task": sa.null(),
        "due_at": sa.case((asks, _s.last_nominal), else_=_s.changes_at),
    }
    same = (_s.job_id == e.c.job_id, _s.awaited_task == e.c.awaited_task)
    return sa.update(schedules).where(*same, _is_over()).values(change).returning(_s.job_id)


FIND_ENDED: Final = Statement(lambda _: _find_ended())
GO_ON: Final = Statement(_go_on)
AWAITED: Final = Statement(lambda _: sa.select(_s.awaited_task).where(_s.awaited_task.is_not(None)).limit(_LIMIT))
