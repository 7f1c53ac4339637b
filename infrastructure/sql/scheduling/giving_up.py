"""Tasks that have waited for too long leave for history, with their events."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from domain.scheduling.ids import TaskId
from domain.scheduling.settlement import QUEUE_TIMEOUT, TOTAL_TIMEOUT, Settlement, give_up
from domain.scheduling.task_status import HELD, TaskStatus
from infrastructure.sql.engine import DialectName
from infrastructure.sql.relation import Relation, Statement, words
from infrastructure.sql.scheduling.buffered import END_WAIT, dropped
from infrastructure.sql.scheduling.judging import IDS, LEAVE_JUDGEMENTS
from infrastructure.sql.scheduling.scripts import Script, moment
from infrastructure.sql.scheduling.task_changes import NOTHING, Condition, number, t, word
from infrastructure.sql.scheduling.task_events import FACTS_STORED, tell
from infrastructure.sql.scheduling.task_rows import encode_error
from infrastructure.sql.scheduling.task_tables import TASK_COLUMNS, task_history, tasks
from infrastructure.sql.types import Instant, JsonText

_GIVEN_UP: Final = Relation("g", id=sa.Uuid, error=JsonText)
_WAITING: Final = tuple(s for s in TaskStatus.sources_of(TaskStatus.TIMEOUT) if s not in HELD)


def time_out_waiting(dialect: DialectName, now: datetime, limit: int) -> Script[Sequence[TaskId]]:
    """At most `limit` whose patience is over at `now`: in the queue, or with all of the task's time."""
    found = yield _FIND, {"b_over": now, "b_limit": limit}
    if not found:
        return ()
    ended: list[Settlement] = []
    for id_, is_in_total, *_ in found:
        ended.append(give_up(TaskId(id_), TOTAL_TIMEOUT if is_in_total else QUEUE_TIMEOUT))
    yield LEAVE_JUDGEMENTS, IDS.bind(dialect, [row[:1] for row in found])
    yield END_WAIT, dropped(dialect, [row[:1] for row in found], "its task ran out of time before its turn")
    rows = _GIVEN_UP.bind(dialect, [(s.task_id, encode_error(s.error)) for s in ended])
    yield _INTO_HISTORY, rows
    yield _REMOVE, rows
    yield from tell(now, zip(ended, (row[2:] for row in found), strict=True))
    return [settlement.task_id for settlement in ended]


def _find() -> sa.Executable:
    """By the index of those that expire. What is still stopping ends when it has stopped, or with its grace."""
    over = sa.bindparam("b_over", type_=Instant)
    in_total: Condition = sa.func.coalesce(t.total_deadline_at <= over, sa.false())
    waiting = (t.status.in_(words(_WAITING)), t.stopping_until.is_(None))
    found = sa.select(t.id, in_total.label("in_total"), *(t[name] for name in FACTS_STORED))
    expired = found.where(t.expires_at.is_not(None), t.expires_at <= over, *waiting).order_by(t.expires_at, t.id)
    return expired.limit(sa.bindparam("b_limit", type_=sa.Integer)).with_for_update(skip_locked=True, of=tasks)


def _into_history(dialect: DialectName) -> sa.Executable:
    g = _GIVEN_UP.source(dialect).c
    changes: dict[str, Any] = {
        "status": word(TaskStatus.TIMEOUT),
        "gate": NOTHING,
        "error": g.error,
        "ended_at": moment(dialect),
        "version": t.version + number(1),
    }
    row = {name: t[name] for name in TASK_COLUMNS} | changes
    return sa.insert(task_history).from_select(list(row), sa.select(*row.values()).where(t.id == g.id))


def _remove(dialect: DialectName) -> sa.Executable:
    return sa.delete(tasks).where(t.id.in_(sa.select(_GIVEN_UP.source(dialect).c.id)))


_FIND: Final = Statement(lambda _: _find())
_INTO_HISTORY: Final = Statement(_into_history)
_REMOVE: Final = Statement(_remove)
