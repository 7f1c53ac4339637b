"""What may be forgotten of tasks, of the ledger, and of those who ran them, once it is old."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from domain.scheduling.admission import KeyKind
from domain.scheduling.executor import ExecutorStatus
from domain.scheduling.occurrence import Decision
from infrastructure.sql.scheduling.admission_statements import takes, waits_at
from infrastructure.sql.scheduling.backfill_tables import backfills
from infrastructure.sql.scheduling.limit_tables import limit_keys
from infrastructure.sql.scheduling.run_times import LATEST_RUNS
from infrastructure.sql.scheduling.tables import executors, occurrences, schedules
from infrastructure.sql.scheduling.task_changes import word
from infrastructure.sql.scheduling.task_tables import orphan_results, task_attempts, task_history, task_logs, tasks
from infrastructure.sql.sweeping import Rows

KEPT_RUNS: Final = LATEST_RUNS
"""Of each job, however old: dependencies are matched against them, and how long it takes is told by them."""

_t = tasks.c


def history_in(table: sa.Table) -> Rows:
    """Tasks that have ended, but for the latest of each job."""
    h = table.c
    n: Any = task_history.alias("newer").c

    def may_go(before: datetime) -> sa.ColumnElement[bool]:
        newer: sa.Select[Any] = sa.select(sa.literal_column("1")).where(n.job_id == h.job_id, n.id > h.id)
        return sa.and_(h.ended_at < before, _as_many(newer))

    return Rows(table=table, key=[h.id], may_go=may_go)


def _logs_may_go(before: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(task_logs.c.at < before, ~_lives(task_logs.c.task_id))


def _ledger_may_go(before: datetime) -> sa.ColumnElement[bool]:
    """Not the tail, which may still grow, not what waits or lives, and not the latest fires, which matches look for."""
    o, s = occurrences.c, schedules.c
    n: Any = occurrences.alias("newer").c
    later = sa.or_(n.nominal_at > o.nominal_at, sa.and_(n.nominal_at == o.nominal_at, n.id > o.id))
    newer: sa.Select[Any] = sa.select(sa.literal_column("1")).where(
        n.job_id == o.job_id, n.nominal_at >= o.nominal_at, later, n.decision == word(Decision.FIRED)
    )
    is_tail = sa.exists().where(s.job_id == o.job_id, s.tail_id == o.id)
    return sa.and_(
        o.decided_at < before,
        o.nominal_at < before,
        o.decision != word(Decision.BUFFERED),
        sa.not_(is_tail),
        sa.not_(_lives(o.task_id)),
        sa.or_(o.decision != word(Decision.FIRED), _as_many(newer)),
    )


def _executor_may_go(before: datetime) -> sa.ColumnElement[bool]:
    e = executors.c
    holds = sa.exists().where(_t.executor_id == e.id, _t.executor_id.is_not(None))
    offline = sa.and_(e.status == word(ExecutorStatus.OFFLINE), sa.not_(e.deactivated))
    return sa.and_(offline, e.last_heartbeat_at < before, sa.not_(holds))


def _key_may_go(before: datetime) -> sa.ColumnElement[bool]:
    """What nothing stands at, whose rates have been full again for long."""
    k = limit_keys.c
    used = [
        sa.exists().where(condition(kind), column == k.key, k.kind == word(kind))
        for kind, column in ((KeyKind.SLOT, _t.slot_key), (KeyKind.TURN, _t.turn_key))
        for condition in (takes, waits_at)
    ]
    used.append(sa.exists().where(waits_at(KeyKind.RATE), _t.rate_key == k.key, k.kind == word(KeyKind.RATE)))
    return sa.and_(k.touched_at < before, sa.not_(sa.or_(*used)))


def _as_many(newer: sa.Select[Any]) -> sa.ColumnElement[bool]:
    """Whether there are `KEPT_RUNS` of them; no more are looked at."""
    last = newer.limit(sa.literal_column("1")).offset(sa.literal_column(str(KEPT_RUNS - 1)))
    return last.exists()


def _lives(task_id: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    return sa.exists().where(_t.id == task_id)


def _is_kept(task_id: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    return sa.or_(_lives(task_id), sa.exists().where(task_history.c.id == task_id))


def _of_tasks_gone(table: sa.Table) -> Rows:
    key = list(table.primary_key.columns)
    return Rows(table=table, key=key, may_go=lambda before: sa.not_(_is_kept(table.c.task_id)))


LOGS: Final = Rows(table=task_logs, key=list(task_logs.primary_key.columns), may_go=_logs_may_go)
ATTEMPTS: Final = _of_tasks_gone(task_attempts)
ORPHANS: Final = _of_tasks_gone(orphan_results)
LEDGER: Final = Rows(table=occurrences, key=[occurrences.c.id], may_go=_ledger_may_go)
BACKFILLS: Final = Rows(table=backfills, key=[backfills.c.id], may_go=lambda before: backfills.c.ended_at < before)
EXECUTORS: Final = Rows(table=executors, key=[executors.c.id], may_go=_executor_may_go, dated=False)
LIMIT_KEYS: Final = Rows(table=limit_keys, key=[limit_keys.c.kind, limit_keys.c.key], may_go=_key_may_go, dated=False)
