"""Dead letters in SQL: they lie in history, among the few that did not succeed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from domain.scheduling.dead_letter import DEAD, DeadLetters, Reopened, Reopening
from domain.scheduling.ids import TaskId
from domain.scheduling.job import ALLOWED_ACTIONS, JobStatus
from domain.scheduling.ports.dead_letter_queue import DeadLetterQueue
from infrastructure.sql.engine import DialectName
from infrastructure.sql.relation import words
from infrastructure.sql.scheduling.reopening import reopen_all
from infrastructure.sql.scheduling.tables import jobs
from infrastructure.sql.scheduling.task_changes import has_upstream_places
from infrastructure.sql.scheduling.task_tables import task_history
from infrastructure.sql.unit_of_work import SqlUnitOfWork

_RUNNABLE = [status for status in JobStatus if "trigger" in ALLOWED_ACTIONS[status]]

h = task_history.c


class SqlDeadLetterQueue(DeadLetterQueue):
    """Part of a unit of work."""

    def __init__(self, work: SqlUnitOfWork) -> None:
        self._work = work

    async def count(self, which: DeadLetters) -> int:
        query = sa.select(sa.func.count()).select_from(task_history).where(*self._conditions(which))
        return int((await self._work.execute(query)).scalar_one())

    async def find(self, which: DeadLetters, limit: int) -> Sequence[TaskId]:
        query = sa.select(h.id).where(*self._conditions(which)).order_by(h.id).limit(limit)
        return [TaskId(id_) for (id_,) in await self._work.execute(query)]

    async def reopen(self, reopenings: Sequence[Reopening], reason: str | None) -> Sequence[Reopened]:
        return await reopen_all(self._work, reopenings, reason)

    def _conditions(self, which: DeadLetters) -> list[sa.ColumnElement[bool]]:
        runs = sa.exists().where(jobs.c.id == h.job_id, jobs.c.status.in_(words(_RUNNABLE)))
        conditions = [h.tenant == which.tenant, *is_dead(), sa.not_(_is_to_be_filled()), runs]
        if which.fingerprint is not None:
            conditions.append(member(self._work.dialect, h.error, "fingerprint") == which.fingerprint)
        if which.job_id is not None:
            conditions.append(h.job_id == which.job_id)
        if which.since is not None:
            conditions.append(h.ended_at >= which.since)
        if which.until is not None:
            conditions.append(h.ended_at < which.until)
        return conditions


def _is_to_be_filled() -> sa.ColumnElement[bool]:
    """It never ran, and values of its upstreams are missing in its parameters: it could not run as it is."""
    return sa.and_(h.attempt == sa.literal_column("0"), has_upstream_places(h.parameters))


def is_dead() -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    """The first condition is word for word the predicate of the index over those that did not succeed."""
    return h.status != sa.literal_column("'COMPLETED'"), h.status.in_(words(DEAD))


def member(dialect: DialectName, document: Any, name: str) -> sa.ColumnElement[str]:
    """A text member of a JSON document."""
    if dialect == "sqlite":
        return sa.func.json_extract(document, sa.literal_column(f"'$.{name}'"), type_=sa.Text)
    text: sa.ColumnElement[str] = document.op("->>", return_type=sa.Text())(sa.literal_column(f"'{name}'"))
    return text
