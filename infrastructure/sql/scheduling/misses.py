"""Settlements that took no effect: known already, or too late."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from domain.scheduling.ids import TaskId
from domain.scheduling.ports.task_exchange import Lease
from domain.scheduling.ports.task_queue import Session
from domain.scheduling.settlement import SNOOZED, ReportOutcome, Settlement
from domain.scheduling.task_status import TaskStatus
from infrastructure.sql.engine import DialectName
from infrastructure.sql.insert import insert
from infrastructure.sql.relation import Relation, Row, Statement
from infrastructure.sql.scheduling.judging import IDS
from infrastructure.sql.scheduling.scripts import Script, moment
from infrastructure.sql.scheduling.settling import session_parameters
from infrastructure.sql.scheduling.task_changes import is_held, t, under_session
from infrastructure.sql.scheduling.task_rows import LOST, decode_error, encode_error, ending
from infrastructure.sql.scheduling.task_tables import orphan_results, task_attempts, task_history
from infrastructure.sql.types import JsonText

_ORPHANS: Final = Relation("o", task_id=sa.Uuid, token=sa.BigInteger, status=sa.Text, result=JsonText, error=JsonText)


@dataclass(frozen=True, slots=True)
class _Known:
    """What the store says about one token of a task; `held`: this session still works under it."""

    token: int | None
    ending: str
    held: bool


def miss(
    dialect: DialectName, session: Session, settlements: Sequence[Settlement]
) -> Script[Mapping[Lease, ReportOutcome]]:
    """Look each up, and keep what is worth keeping of those that came too late."""
    of_session = session_parameters(session)
    ids = sorted({s.task_id for s in settlements})
    known: dict[TaskId, list[_Known]] = {}
    for row in (yield _LOOK_UP, {**of_session, **IDS.bind(dialect, [(id_,) for id_ in ids])}):
        known.setdefault(TaskId(row[0]), []).append(_known(row))
    judged = [(s, _outcome(s, known.get(s.task_id, ()))) for s in settlements]
    orphans = [
        (s.task_id, s.token, _ending(s), s.result, encode_error(s.error))
        for s, outcome in judged
        if outcome is ReportOutcome.LEASE_LOST and s.task_id in known and _is_worth_keeping(s)
    ]
    if orphans:
        yield _KEEP, {**of_session, **_ORPHANS.bind(dialect, orphans)}
    return {(s.task_id, s.token): outcome for s, outcome in judged}


def _outcome(settlement: Settlement, known: Sequence[_Known]) -> ReportOutcome:
    same = [k for k in known if k.token == settlement.token]
    alike = {_ending(settlement)}
    if settlement.status is TaskStatus.FAILED and settlement.error is None:
        alike.add(LOST)  # it gave the task back
    if any(k.ending in alike for k in same):
        return ReportOutcome.ALREADY
    if any(k.held for k in same):
        return ReportOutcome.INVALID  # it was never started, so it cannot have completed
    return ReportOutcome.LEASE_LOST


def _is_worth_keeping(settlement: Settlement) -> bool:
    has_failed = settlement.error is not None and settlement.error.code != SNOOZED
    return settlement.status is TaskStatus.COMPLETED or has_failed


def _ending(settlement: Settlement) -> str:
    return ending(settlement.status, settlement.error.code if settlement.error else None)


def _known(row: Row) -> _Known:
    _, token, status, error, held = row
    code = None if error is None else decode_error(error).code
    is_status = status in TaskStatus.__members__
    return _Known(token, ending(TaskStatus(status), code) if is_status else status, bool(held))


def _look_up(dialect: DialectName) -> sa.Executable:
    """By id, and not by token: whether there is such a task matters, too."""
    ids = IDS.source(dialect).c
    h, a = task_history.c, task_attempts.c
    held = sa.case((sa.and_(is_held(), under_session()), sa.true()), else_=sa.false()).label("held")
    no_error = sa.cast(sa.null(), JsonText)
    return sa.union_all(
        sa.select(t.id, t.token, t.status, t.error, held).where(t.id == ids.id),
        sa.select(h.id, h.token, h.status, h.error, sa.false()).where(h.id == ids.id),
        sa.select(a.task_id, a.token, a.status, no_error, sa.false()).where(a.task_id == ids.id),
    )


def _keep(dialect: DialectName) -> sa.Executable:
    orphan = _ORPHANS.source(dialect).c
    row: dict[str, Any] = {
        **dict(orphan),
        "executor_id": sa.bindparam("b_executor", type_=sa.Text),
        "reported_at": moment(dialect),
    }
    rows = sa.select(*row.values()).where(sa.true())  # SQLite reads ON after FROM as a join, unless WHERE is between
    return insert(dialect, orphan_results).from_select(list(row), rows).on_conflict_do_nothing()


_LOOK_UP: Final = Statement(_look_up)
_KEEP: Final = Statement(_keep)
