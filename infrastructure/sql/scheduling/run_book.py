"""Runs and the fires of upstreams in SQL."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from domain.scheduling.ids import JobId, RunId, TaskId
from domain.scheduling.judging import Seen, Sight
from domain.scheduling.ports.run_book import End, Part, Root, RunBook, Wish
from domain.scheduling.task_status import FINAL, TaskStatus
from domain.shared.ids import TenantId
from domain.shared.json_value import JsonText
from infrastructure.sql.engine import DialectName
from infrastructure.sql.insert import insert
from infrastructure.sql.relation import Relation, Statement, words
from infrastructure.sql.scheduling.dependency_tables import cancelled_runs
from infrastructure.sql.scheduling.judging import IDS
from infrastructure.sql.scheduling.task_tables import task_history, tasks
from infrastructure.sql.scheduling.upstream_fires import fires
from infrastructure.sql.types import Instant
from infrastructure.sql.unit_of_work import SqlUnitOfWork

_c, t = cancelled_runs.c, tasks.c
_PARTS: Final = Relation("p", run_id=sa.Uuid, job_id=sa.Uuid)


class SqlRunBook(RunBook):
    """Part of a unit of work. A task is looked for among the live ones and in history at once."""

    def __init__(self, work: SqlUnitOfWork) -> None:
        self._work = work

    def _these(self, ids: Collection[Any]) -> dict[str, object]:
        return IDS.bind(self._work.dialect, [(id_,) for id_ in ids])

    async def roots(self, runs: Collection[RunId]) -> Mapping[RunId, Root]:
        rows = await self._work.fetch(ROOTS, **self._these(runs))
        return {
            RunId(id_): Root(
                job_id=JobId(job_id),
                nominal=nominal,
                seen=Seen(TaskId(id_), TaskStatus(status), stopping),
                cancelled=None if cancelled_by is None else reason or f"by {cancelled_by}",
            )
            for id_, job_id, nominal, status, stopping, cancelled_by, reason in rows
        }

    async def parts(self, parts: Collection[Part]) -> Mapping[Part, Seen]:
        rows = await self._work.fetch(PARTS, **_PARTS.bind(self._work.dialect, list(parts)))
        return {
            (RunId(run_id), JobId(job_id)): Seen(TaskId(id_), TaskStatus(status), stopping)
            for id_, run_id, job_id, status, stopping in sorted(rows)
        }

    async def fires(self, wishes: Collection[Wish], now: datetime) -> Mapping[Wish, Sight]:
        return await fires(self._work, wishes, now) if wishes else {}

    async def ends(self, tasks: Collection[TaskId]) -> Mapping[TaskId, End]:
        rows = await self._work.fetch(ENDS, **self._these(tasks)) if tasks else []
        return {
            TaskId(id_): End(
                task_id=TaskId(id_),
                run_id=RunId(run_id),
                status=TaskStatus(status),
                result=None if result is None else JsonText(result),
                parameters=JsonText(parameters),
            )
            for id_, run_id, status, result, parameters in rows
        }

    async def cancel(self, tenant: TenantId, run_id: RunId, reason: str | None, by: str) -> None:
        row = {"run_id": run_id, "tenant": tenant, "reason": reason, "by": by, "at": self._work.now}
        await self._work.execute(insert(self._work.dialect, cancelled_runs).values(row).on_conflict_do_nothing())

    async def live(self, tenant: TenantId, run_id: RunId, limit: int) -> Sequence[TaskId]:
        open_ = (t.tenant == tenant, t.status.not_in(words(FINAL)))
        root = sa.select(t.id).where(t.id == run_id, *open_)
        others = sa.select(t.id).where(t.run_id == run_id, t.id != t.run_id, *open_)
        found = sa.union_all(root, others).limit(limit)
        return [TaskId(id_) for (id_,) in (await self._work.execute(found)).all()]


def _roots(dialect: DialectName) -> sa.Executable:
    parts = []
    for table in (tasks, task_history):
        c = table.c
        nominal = sa.func.coalesce(c.nominal_at, c.scheduled_time, type_=Instant).label("nominal")
        stopping = c.stopping_until.is_not(None).label("stopping")
        root = sa.select(c.id, c.job_id, nominal, c.status, stopping, _c.by, _c.reason)
        root = root.join_from(table, cancelled_runs, _c.run_id == c.id, isouter=True)
        parts.append(root.where(c.id.in_(sa.select(IDS.source(dialect).c.id))))
    return sa.union_all(*parts)


def _parts(dialect: DialectName) -> sa.Executable:
    parts = []
    for table in (tasks, task_history):
        c, p = table.c, _PARTS.source(dialect)
        place = sa.and_(c.run_id == p.c.run_id, c.job_id == p.c.job_id, c.id != c.run_id)
        stopping = c.stopping_until.is_not(None).label("stopping")
        parts.append(sa.select(c.id, c.run_id, c.job_id, c.status, stopping).join_from(p, table, place))
    return sa.union_all(*parts)


def _ends(dialect: DialectName) -> sa.Executable:
    h = task_history.c
    ends = sa.select(h.id, h.run_id, h.status, h.result, h.parameters)
    return ends.where(h.id.in_(sa.select(IDS.source(dialect).c.id)))


ROOTS: Final = Statement(_roots)
PARTS: Final = Statement(_parts)
ENDS: Final = Statement(_ends)
