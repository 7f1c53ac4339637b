"""Attempts that the server had ended have stopped: their tasks leave for history, or may be tried again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from domain.scheduling.executor import ExecutorStatus
from domain.scheduling.ids import TaskId
from domain.scheduling.ports.task_exchange import Lease
from domain.scheduling.ports.task_queue import Session
from infrastructure.sql.engine import DialectName
from infrastructure.sql.relation import Relation, Statement
from infrastructure.sql.scheduling.judging import IDS, LEAVE_JUDGEMENTS_OF_FINAL
from infrastructure.sql.scheduling.scripts import Parameters, Script
from infrastructure.sql.scheduling.settling import session_parameters
from infrastructure.sql.scheduling.tables import executors
from infrastructure.sql.scheduling.task_changes import (
    LET_GO,
    NOTHING,
    Condition,
    is_final,
    is_held,
    is_stopping,
    leased_as,
    of_session,
    t,
    word,
)
from infrastructure.sql.scheduling.task_tables import TASK_COLUMNS, task_history, tasks
from infrastructure.sql.types import Instant

LEASES: Final = Relation("l", id=sa.Uuid, token=sa.BigInteger)


def let_go_leases(dialect: DialectName, session: Session, leases: Sequence[Lease]) -> Script[frozenset[TaskId]]:
    """Those of the leases that were stopping."""
    if not leases:
        return frozenset()
    parameters = {**session_parameters(session), **LEASES.bind(dialect, sorted(leases))}
    return (yield from _let_go(dialect, _OF_LEASES, parameters))


def let_go_session(dialect: DialectName, session: Session) -> Script[frozenset[TaskId]]:
    """Whatever the session was stopping."""
    return (yield from _let_go(dialect, _OF_SESSION, session_parameters(session)))


def let_go_expired(dialect: DialectName, now: datetime, limit: int) -> Script[frozenset[TaskId]]:
    """At most `limit` whose grace is over at `now`, or whose session is."""
    return (yield from _let_go(dialect, _EXPIRED, {"b_over": now, "b_limit": limit}))


def _let_go(dialect: DialectName, which: Statement, parameters: Parameters) -> Script[frozenset[TaskId]]:
    rows = yield which, parameters
    if rows:
        ids = IDS.bind(dialect, rows)
        yield LEAVE_JUDGEMENTS_OF_FINAL, ids
        yield _INTO_HISTORY, ids
        yield _REMOVE, ids
        yield _LET_GO, ids
    return frozenset(TaskId(id_) for (id_,) in rows)


def session_is_live() -> Condition:
    """Whoever has the task is still there."""
    e = executors.c
    return sa.exists().where(e.id == t.executor_id, e.epoch == t.epoch, e.status != word(ExecutorStatus.OFFLINE))


def _among(dialect: DialectName) -> Condition:
    return t.id.in_(sa.select(IDS.source(dialect).c.id))


def _locked(*conditions: Condition) -> sa.Select[Any]:
    """What another one has locked is on its way already. No order: with a limit it would invite to read all in it."""
    return sa.select(t.id).where(*conditions).with_for_update(skip_locked=True, of=tasks)


def _of_leases(dialect: DialectName) -> sa.Executable:
    # Leased and not held is stopping. Said in that way it cannot lead to reading whatever is stopping.
    return _locked(leased_as(dict(LEASES.source(dialect).c)), ~is_held())


def _expired() -> sa.Executable:
    grace_is_over = t.stopping_until <= sa.bindparam("b_over", type_=Instant)
    over = _locked(is_stopping(), sa.or_(grace_is_over, ~session_is_live()))
    return over.limit(sa.bindparam("b_limit", type_=sa.Integer))


def _into_history(dialect: DialectName) -> sa.Executable:
    row = {name: t[name] for name in TASK_COLUMNS} | {"stopping_until": NOTHING}
    stopped = sa.select(*row.values()).where(_among(dialect), is_final())
    return sa.insert(task_history).from_select(list(row), stopped)


_OF_LEASES: Final = Statement(_of_leases)
_OF_SESSION: Final = Statement(lambda _: _locked(of_session(), is_stopping()))
_EXPIRED: Final = Statement(lambda _: _expired())
_INTO_HISTORY: Final = Statement(_into_history)
_REMOVE: Final = Statement(lambda d: sa.delete(tasks).where(_among(d), is_final()))
_LET_GO: Final = Statement(lambda d: sa.update(tasks).where(_among(d)).values(LET_GO))
