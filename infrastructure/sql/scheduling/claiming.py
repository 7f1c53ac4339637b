"""Which tasks a claim gets, and what becomes of their rows: one wording for both databases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from domain.scheduling.executor import ExecutorStatus
from domain.scheduling.ids import LaneId
from domain.scheduling.ports.task_exchange import LARGEST_CLAIM, Claim
from domain.scheduling.task_status import TaskStatus
from infrastructure.sql.engine import DialectName
from infrastructure.sql.relation import Relation
from infrastructure.sql.scheduling.scripts import moment
from infrastructure.sql.scheduling.tables import executors
from infrastructure.sql.scheduling.task_changes import (
    NOTHING,
    Columns,
    after,
    is_held,
    is_stopping,
    is_undelivered,
    is_waiting,
    number,
    of_session,
    t,
    word,
)
from infrastructure.sql.scheduling.task_rows import CLAIMED
from infrastructure.sql.scheduling.task_tables import tasks

LANES = Relation("l", lane=sa.Integer, place=sa.Integer)
"""`place` orders lanes before the ranks of their tasks do."""
CLAIM_ID = sa.bindparam("b_claim_id", type_=sa.Uuid)
LIMIT = sa.bindparam("b_limit", type_=sa.Integer)
SLOTS = sa.bindparam("b_slots", type_=sa.Integer)


def claim_parameters(claim: Claim, dialect: DialectName, lanes: Iterable[LaneId]) -> Mapping[str, object]:
    """For the statements here; `lanes` are those of the claim that are still to be looked at."""
    limit = min(claim.limit, LARGEST_CLAIM)
    wish = {"b_claim_id": claim.claim_id, "b_limit": limit, "b_slots": claim.slots, "b_started": claim.started}
    return wish | LANES.bind(dialect, [(lane, lane not in claim.own) for lane in lanes])


def room(dialect: DialectName, held: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    """How many tasks the claim gets at most, for an executor that holds so many."""
    least, greatest = (sa.func.min, sa.func.max) if dialect == "sqlite" else (sa.func.least, sa.func.greatest)
    return greatest(number(0), least(LIMIT, SLOTS - held), type_=sa.Integer)


def held(
    dialect: DialectName,
    *,
    undelivered: bool,
    besides: sa.ColumnElement[Any] | None = None,
    after: sa.ColumnElement[Any] | None = None,
) -> sa.ColumnElement[int]:
    """How many tasks the session holds or is stopping, with those that are assigned to it and `undelivered` or without.

    SQLite has one writer at a time. On PostgreSQL other claims of the executor wait from here on until this one is
    committed, and the number is that of this moment, not of the statement's beginning (see the function's migration);
    tasks `besides` do not count, and `after` is evaluated before.
    """
    if dialect == "sqlite":
        counted = of_session() if undelivered else sa.and_(of_session(), sa.not_(is_undelivered()))
        return sa.select(sa.func.count()).select_from(tasks).where(counted).scalar_subquery()
    executor, epoch = sa.bindparam("b_executor", type_=sa.Text), sa.bindparam("b_epoch", type_=sa.Integer)
    ids = sa.cast(sa.null(), ARRAY(sa.Uuid)) if besides is None else besides
    with_those = sa.true() if undelivered else sa.false()
    return sa.func.held_tasks(executor, epoch, with_those, ids, sa.true() if after is None else after, type_=sa.Integer)


def may_claim() -> sa.Exists:
    """The session is the executor's present one and neither draining nor over."""
    e = executors.c
    return sa.exists().where(
        e.id == sa.bindparam("b_executor", type_=sa.Text),
        e.epoch == sa.bindparam("b_epoch", type_=sa.Integer),
        e.status == word(ExecutorStatus.ONLINE),
    )


def claimed_before() -> sa.Select[Any]:
    """What the session holds of an earlier call of the same claim: its answer was lost."""
    return sa.select(*(t[name] for name in CLAIMED)).where(of_session(), t.claim_id == CLAIM_ID, is_held())


def first_rank(lane: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """The rank of the first task that waits in a lane."""
    return sa.select(t.rank).where(is_waiting(), t.lane == lane).order_by(t.rank, t.id).limit(number(1))


def first_waiting(lane: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """The tasks that wait in a lane, first ones first."""
    return sa.select(tasks).where(is_waiting(), t.lane == lane).order_by(t.rank, t.id)


def claimed(dialect: DialectName, token: sa.ColumnElement[int]) -> Columns:
    """The changed columns of a task that is handed out."""
    now = moment(dialect)
    started = sa.bindparam("b_started", type_=sa.Boolean)
    status = sa.case((started, word(TaskStatus.RUNNING)), else_=word(TaskStatus.ASSIGNED))
    return {
        "status": status,
        "token": token,
        "executor_id": sa.bindparam("b_executor", type_=sa.Text),
        "epoch": sa.bindparam("b_epoch", type_=sa.Integer),
        "claim_id": CLAIM_ID,
        "attempt": t.attempt + number(1),
        "claimed_at": now,
        "started_at": sa.case((started, now)),
        "deadline_at": after(dialect, now, t.timeout_s),
        "expires_at": NOTHING,
        "error": NOTHING,
        "progress": NOTHING,
        "progress_message": NOTHING,
        "absences": number(0),
        "version": t.version + number(1),
    }


def stop_orders() -> sa.Select[Any]:
    """What the session shall stop: id, token, the reason given, and the error that says why if there is one."""
    return sa.select(t.id, t.token, t.status_reason, t.error).where(of_session(), is_stopping())
