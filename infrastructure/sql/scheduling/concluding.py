"""Ends of tasks that no executor brought about: of those that waited in vain, of those without work of their own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from domain.scheduling.ids import TaskId
from domain.scheduling.job_types.built_in import WORKFLOW
from domain.scheduling.ports.judgement_queue import Conclusion
from domain.scheduling.settlement import Settlement, complete
from domain.scheduling.task_status import Gate, TaskStatus
from infrastructure.sql.engine import DialectName
from infrastructure.sql.relation import Relation, Row, Statement
from infrastructure.sql.scheduling.buffered import END_WAIT, dropped
from infrastructure.sql.scheduling.judging import IDS, LEAVE_JUDGEMENTS
from infrastructure.sql.scheduling.scripts import Script, moment
from infrastructure.sql.scheduling.tables import lanes
from infrastructure.sql.scheduling.task_changes import NOTHING, Columns, Condition, is_waiting, number, t, word
from infrastructure.sql.scheduling.task_events import FACTS_STORED, tell
from infrastructure.sql.scheduling.task_rows import encode_error
from infrastructure.sql.scheduling.task_tables import TASK_COLUMNS, task_history, tasks
from infrastructure.sql.types import JsonText

_ENDS: Final = Relation("g", id=sa.Uuid, status=sa.Text, reason=sa.Text, error=JsonText, cause=sa.Uuid)
_LIMIT: Final = sa.bindparam("b_limit", type_=sa.Integer)


def conclude(dialect: DialectName, now: datetime, conclusions: Iterable[Conclusion]) -> Script[Sequence[TaskId]]:
    """Those of them that still wait; the ids of these."""
    by_id = {c.task_id: c for c in conclusions}
    found = yield _FIND_WAITING, IDS.bind(dialect, [(task_id,) for task_id in sorted(by_id)])
    ends = [by_id[TaskId(row[0])] for row in found]
    rows = [(c.task_id, c.status.value, c.reason, encode_error(c.error), c.cause) for c in ends]
    settled = [Settlement(task_id=c.task_id, token=0, status=c.status, error=c.error) for c in ends]
    yield from _move(dialect, now, _CONCLUDE, _ENDS.bind(dialect, rows), settled, found)
    return [c.task_id for c in ends]


def complete_workflows(dialect: DialectName, now: datetime, limit: int) -> Script[Sequence[TaskId]]:
    """At most `limit` that stand in lanes of WORKFLOW: they are taken, run and complete in one moment."""
    found = yield _FIND_WORKFLOWS, {"b_limit": limit}
    settled = [complete(TaskId(row[0]), 0, None) for row in found]
    yield from _move(dialect, now, _COMPLETE, IDS.bind(dialect, [row[:1] for row in found]), settled, found)
    return [each.task_id for each in settled]


def _move(
    dialect: DialectName,
    now: datetime,
    into_history: Statement,
    parameters: dict[str, object],
    settled: Sequence[Settlement],
    found: Sequence[Row],
) -> Script[None]:
    if not found:
        return
    ids = IDS.bind(dialect, [row[:1] for row in found])
    yield LEAVE_JUDGEMENTS, ids
    yield END_WAIT, dropped(dialect, [row[:1] for row in found], "its task ended before its turn")
    yield into_history, parameters
    yield _REMOVE, ids
    yield from tell(now, zip(settled, (row[1:] for row in found), strict=True))


def is_dependent() -> Condition:
    """It waits for what it depends on; word for word the predicate of the indexes of these."""
    return t.gate == word(Gate.DEPENDENCY)


def _facts() -> sa.Select[Any]:
    return sa.select(t.id, *(t[name] for name in FACTS_STORED))


def _find_waiting(dialect: DialectName) -> sa.Executable:
    found = _facts().where(t.id.in_(sa.select(IDS.source(dialect).c.id)), is_dependent())
    return found.order_by(t.id).with_for_update(of=tasks)


def _find_workflows() -> sa.Executable:
    theirs = sa.select(lanes.c.id).where(lanes.c.type == word(WORKFLOW.name))
    found = _facts().where(is_waiting(), t.lane.in_(theirs)).limit(_LIMIT)
    return found.with_for_update(skip_locked=True, of=tasks)


def _into_history(changes: Columns, source: sa.FromClause) -> sa.Executable:
    row = {name: t[name] for name in TASK_COLUMNS} | {"version": t.version + number(1)} | dict(changes)
    return sa.insert(task_history).from_select(
        list(row), sa.select(*row.values()).join_from(tasks, source, t.id == source.c.id)
    )


def _conclude(dialect: DialectName) -> sa.Executable:
    g = _ENDS.source(dialect)
    changes = {
        "status": g.c.status,
        "status_reason": g.c.reason,
        "gate": NOTHING,
        "error": g.c.error,
        "cause_id": g.c.cause,
        "ended_at": moment(dialect),
    }
    return _into_history(changes, g)


def _complete(dialect: DialectName) -> sa.Executable:
    now = moment(dialect)
    changes = {
        "status": word(TaskStatus.COMPLETED),
        "attempt": t.attempt + number(1),
        "claimed_at": now,
        "started_at": now,
        "ended_at": now,
    }
    return _into_history(changes, IDS.source(dialect))


_FIND_WAITING: Final = Statement(_find_waiting)
_FIND_WORKFLOWS: Final = Statement(lambda _: _find_workflows())
_CONCLUDE: Final = Statement(_conclude)
_COMPLETE: Final = Statement(_complete)
_REMOVE: Final = Statement(lambda d: sa.delete(tasks).where(t.id.in_(sa.select(IDS.source(d).c.id))))
