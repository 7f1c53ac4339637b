"""Entries of the ledger about fires that wait for their turn: what becomes of them in the end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import sqlalchemy as sa

from domain.scheduling.occurrence import RUNNING, Decision
from infrastructure.sql.engine import DialectName
from infrastructure.sql.relation import Relation, Statement, words
from infrastructure.sql.scheduling.schedule_statements import JOBS
from infrastructure.sql.scheduling.tables import occurrences
from infrastructure.sql.scheduling.task_changes import Condition, word

BUFFERED: Final = Relation("f", task_id=sa.Uuid)
_o = occurrences.c


def dropped(dialect: DialectName, tasks: Iterable[Sequence[object]], reason: str) -> dict[str, object]:
    """The parameters of `END_WAIT` for tasks that have ended otherwise than by their policy."""
    return {"b_decision": Decision.BUFFER_DROPPED.value, "b_reason": reason, **BUFFERED.bind(dialect, tasks)}


def _have_not_run(dialect: DialectName, decision: Condition) -> Condition:
    """The first two are word for word the predicate of the index over fires with a task that has not begun."""
    those = _o.task_id.in_(sa.select(BUFFERED.source(dialect).c.task_id))
    return sa.and_(_o.task_id.is_not(None), _o.decision != word(Decision.FIRED), decision, those)


def _is_waiting() -> Condition:
    """Word for word the predicate of the index over the jobs that have such fires."""
    return _o.decision == word(Decision.BUFFERED)


def _end_wait(dialect: DialectName) -> sa.Executable:
    ended = {"decision": sa.bindparam("b_decision", type_=sa.Text), "reason": sa.bindparam("b_reason", type_=sa.Text)}
    return sa.update(occurrences).where(_have_not_run(dialect, _is_waiting())).values(ended)


def _fire(dialect: DialectName) -> sa.Executable:
    fired = sa.update(occurrences).where(_have_not_run(dialect, _is_waiting())).values(decision=word(Decision.FIRED))
    return fired.returning(_o.job_id, _o.fire_key)


def _wait_again(dialect: DialectName) -> sa.Executable:
    other = occurrences.alias("other").c
    has_run = (other.job_id == _o.job_id, other.fire_key == _o.fire_key, other.decision.in_(words(RUNNING)))
    gave_up = _have_not_run(dialect, ~_is_waiting())
    again: dict[str, Any] = {"decision": word(Decision.BUFFERED), "reason": sa.null()}
    return sa.update(occurrences).where(gave_up, ~sa.exists().where(*has_run)).values(again)


def _count_waiting(dialect: DialectName) -> sa.Executable:
    jobs = JOBS.source(dialect)
    its = sa.select(sa.func.count()).select_from(occurrences).where(_is_waiting(), _o.job_id == jobs.c.job_id)
    asked_for = _o.fire_key.like(sa.literal_column("'manual:%'"))
    counts = (each.correlate(jobs).scalar_subquery() for each in (its, its.where(~asked_for)))
    return sa.select(jobs.c.job_id, *counts)


def _waiting(dialect: DialectName) -> sa.Executable:
    jobs = JOBS.source(dialect)
    return sa.select(_o.task_id).select_from(occurrences.join(jobs, _o.job_id == jobs.c.job_id)).where(_is_waiting())


def _waiting_among(dialect: DialectName) -> sa.Executable:
    return sa.select(_o.task_id, _o.job_id, _o.fire_key).where(_have_not_run(dialect, _is_waiting()))


END_WAIT: Final = Statement(_end_wait)
"""They will not have their turn: the ledger says what became of them instead."""

FIRE: Final = Statement(_fire)
"""Their turn has come; their jobs and fire keys."""

WAIT_AGAIN: Final = Statement(_wait_again)
"""Their tasks, which had been given up, wait again; unless the same fire has run otherwise meanwhile."""

COUNT_WAITING: Final = Statement(_count_waiting)
"""How many wait, for each of `JOBS`, and how many of these a limit on executions will count."""

WAITING: Final = Statement(_waiting)
"""The tasks of those that wait, of `JOBS`."""

WAITING_AMONG: Final = Statement(_waiting_among)
"""Those that wait, with their jobs and fire keys."""
