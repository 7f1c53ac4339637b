"""Tasks that never ran because of others come back from history to wait for these once more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from domain.scheduling.errors import StaleVersion
from domain.scheduling.ids import JobId, TaskId
from domain.scheduling.ports.judgement_queue import LeftOut
from domain.scheduling.task_status import LEFT_OUT, NEVER_RAN, Gate, TaskStatus
from infrastructure.sql.engine import DialectName
from infrastructure.sql.insert import insert
from infrastructure.sql.relation import Relation, Statement, words
from infrastructure.sql.scheduling.dependency_tables import dependency_edges, dependents
from infrastructure.sql.scheduling.judging import BEGIN_TO_WAIT, IDS
from infrastructure.sql.scheduling.task_changes import number, word
from infrastructure.sql.scheduling.task_tables import TASK_COLUMNS, task_history, tasks
from infrastructure.sql.types import Instant
from infrastructure.sql.unit_of_work import SqlUnitOfWork

_AGAIN: Final = Relation("a", id=sa.Uuid, until=Instant)
_CAUSES: Final = Relation("c", id=sa.Uuid, run_id=sa.Uuid, job_id=sa.Uuid)
_BEGUN_ANEW: Final = ("ended_at", "error", "cause_id", "expires_at", "total_deadline_at")

_e, h = dependency_edges.c, task_history.c


async def left_out(work: SqlUnitOfWork, cause: TaskId) -> Sequence[LeftOut]:
    """Level by level: those that name one of the level before as their cause, and those of the same run that depend on
    one, for of several that are to blame only one is named.
    """
    found: dict[TaskId, LeftOut] = {}
    level = [tuple(row) for row in await work.fetch(_ENDED, **IDS.bind(work.dialect, [(cause,)]))]
    while level:
        rows = await work.fetch(_LEFT_OUT, **_CAUSES.bind(work.dialect, sorted(level)))
        level = [(id_, run_id, job_id) for id_, run_id, job_id, _ in rows if id_ not in found]
        for id_, _, job_id, name in rows:
            found[TaskId(id_)] = LeftOut(task_id=TaskId(id_), job_id=JobId(job_id), job_name=name)
    return list(found.values())


async def wait_again(work: SqlUnitOfWork, until: Mapping[TaskId, datetime], reason: str | None) -> Sequence[TaskId]:
    """Raises `StaleVersion` if somebody else has just done the same."""
    given = _AGAIN.bind(work.dialect, sorted(until.items()))
    back = [(id_,) for (id_,) in await work.fetch(_COME_BACK, b_reason=reason, **given)]
    if not back:
        return ()
    removed = await work.fetch(_REMOVE, **IDS.bind(work.dialect, sorted(back)))
    if len(removed) != len(back):
        raise StaleVersion("One of the tasks")
    await work.fetch(BEGIN_TO_WAIT, **IDS.bind(work.dialect, sorted(back)))
    return [TaskId(id_) for (id_,) in back]


def _left_out(dialect: DialectName) -> sa.Executable:
    """A job that has lost its dependencies has nothing to wait for; what was left out because of it stays so, too."""
    c = _CAUSES.source(dialect)
    depends = sa.exists().where(dependents.c.job_id == h.job_id)
    never_ran = (h.status.in_(words(LEFT_OUT)), h.attempt == number(0), h.cause_id.is_not(None), depends)
    found = sa.select(h.id, h.run_id, h.job_id, h.job_name)
    named = found.join_from(c, task_history, h.cause_id == c.c.id)
    in_run = sa.and_(h.run_id == c.c.run_id, h.job_id == _e.job_id, h.id != h.run_id)
    beside = found.join_from(c, dependency_edges, _e.upstream_id == c.c.job_id).join(task_history, in_run)
    return sa.union(named.where(*never_ran), beside.where(*never_ran))


def _come_back(dialect: DialectName) -> sa.Executable:
    a = _AGAIN.source(dialect)
    changes: dict[str, Any] = {
        **{name: sa.cast(sa.null(), h[name].type) for name in _BEGUN_ANEW},
        "status": word(TaskStatus.BLOCKED),
        "status_reason": sa.cast(sa.bindparam("b_reason", type_=sa.Text), sa.Text),
        "gate": word(Gate.DEPENDENCY),
        "wait_until": a.c.until,
        "version": h.version + number(1),
    }
    row = {name: h[name] for name in TASK_COLUMNS} | changes
    never_ran = (h.status.in_(words(NEVER_RAN)), h.attempt == number(0))
    waiting = sa.select(*row.values()).join_from(a, task_history, h.id == a.c.id).where(*never_ran)
    return insert(dialect, tasks).from_select(list(row), waiting).on_conflict_do_nothing().returning(tasks.c.id)


_ENDED: Final = Statement(
    lambda dialect: sa.select(h.id, h.run_id, h.job_id).where(h.id.in_(sa.select(IDS.source(dialect).c.id)))
)
_LEFT_OUT: Final = Statement(_left_out)
_COME_BACK: Final = Statement(_come_back)
_REMOVE: Final = Statement(
    lambda dialect: sa.delete(task_history).where(h.id.in_(sa.select(IDS.source(dialect).c.id))).returning(h.id)
)
