"""What is known of a job's runs, in SQL."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa

from domain.scheduling.ids import BackfillId, JobId
from domain.scheduling.occurrence import RUNNING
from domain.scheduling.ports.run_history import RunHistory
from domain.scheduling.task import Origin
from domain.scheduling.task_status import COUNTS_FOR_OVERLAP
from infrastructure.sql.engine import DialectName
from infrastructure.sql.relation import Relation, Statement, words
from infrastructure.sql.scheduling.tables import occurrences
from infrastructure.sql.scheduling.task_tables import task_history, tasks
from infrastructure.sql.unit_of_work import SqlUnitOfWork

_o, _t, _h = occurrences.c, tasks.c, task_history.c
_KEYS: Final = Relation("k", fire_key=sa.Text)
_JOB: Final = sa.bindparam("b_job", type_=sa.Uuid)
_LAST: Final[sa.ColumnElement[int]] = sa.literal_column("5")


class SqlRunHistory(RunHistory):
    """Part of a unit of work."""

    def __init__(self, work: SqlUnitOfWork) -> None:
        self._work = work

    async def fired_among(self, job_id: JobId, keys: Collection[str]) -> Collection[str]:
        bound = _KEYS.bind(self._work.dialect, [(key,) for key in keys])
        return {key for (key,) in await self._work.fetch(FIRED_AMONG, b_job=job_id, **bound)}

    async def live_backfilled(self, job_id: JobId) -> int:
        ((live,),) = await self._work.fetch(LIVE_BACKFILLED, b_job=job_id)
        return int(live)

    async def longest_backfilled(self, job_id: JobId, backfill_id: BackfillId) -> timedelta:
        runs = await self._work.fetch(LAST_BACKFILLED, b_job=job_id, b_after=backfill_id)
        return max((ended_at - created_at for created_at, ended_at in runs), default=timedelta(0))


def _fired_among(dialect: DialectName) -> sa.Select[Any]:
    keys = _KEYS.source(dialect)
    has_fired = _o.decision.in_(words(RUNNING))  # literal: the predicate of the unique index
    this = (_o.job_id == _JOB, _o.fire_key == keys.c.fire_key, has_fired)
    return sa.select(_o.fire_key).select_from(keys.join(occurrences, sa.and_(*this)))


def _live_backfilled() -> sa.Select[Any]:
    unfinished = sa.or_(_t.status.in_(words(COUNTS_FOR_OVERLAP)), _t.stopping_until.is_not(None))
    return sa.select(sa.func.count()).where(_t.job_id == _JOB, _t.origin.in_(words([Origin.BACKFILL])), unfinished)


def _last_backfilled() -> sa.Select[Any]:
    """Only of tasks younger than the backfill, by their ids: those of the years before are not read through."""
    younger = _h.id > sa.bindparam("b_after", type_=sa.Uuid)
    its = (_h.job_id == _JOB, younger, _h.origin.in_(words([Origin.BACKFILL])))
    return sa.select(_h.created_at, _h.ended_at).where(*its).order_by(_h.id.desc()).limit(_LAST)


FIRED_AMONG: Final = Statement(_fired_among)
LIVE_BACKFILLED: Final = Statement(lambda _: _live_backfilled())
LAST_BACKFILLED: Final = Statement(lambda _: _last_backfilled())
