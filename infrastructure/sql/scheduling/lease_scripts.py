"""What an executor may do with its leases besides ending them; a statement each, the same on both databases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final

import sqlalchemy as sa

from domain.scheduling.ids import TaskId
from domain.scheduling.ports.task_exchange import Lease, LogBatch, Standing
from domain.scheduling.ports.task_queue import Session
from domain.scheduling.settlement import Attempt
from domain.scheduling.task_status import TaskStatus
from infrastructure.sql.engine import DialectName
from infrastructure.sql.insert import insert
from infrastructure.sql.relation import Relation, Statement, words
from infrastructure.sql.scheduling.letting_go import LEASES
from infrastructure.sql.scheduling.scripts import Script, moment
from infrastructure.sql.scheduling.settling import session_parameters
from infrastructure.sql.scheduling.tables import job_versions
from infrastructure.sql.scheduling.task_changes import (
    after,
    is_held,
    is_stopping,
    leased_as,
    number,
    t,
    under_session,
    word,
)
from infrastructure.sql.scheduling.task_rows import ATTEMPT, attempt_of
from infrastructure.sql.scheduling.task_tables import task_logs, tasks
from infrastructure.sql.types import JsonText

_BATCHES: Final = Relation("b", id=sa.Uuid, token=sa.BigInteger, sequence=sa.Integer, lines=JsonText)
_STANDINGS: Final = Relation(
    "s", id=sa.Uuid, token=sa.BigInteger, progress=sa.Float, message=sa.Text, checkpoint=JsonText
)
_ABSENCES: Final = Relation("a", id=sa.Uuid, more=sa.Integer)


def attempts(
    dialect: DialectName, session: Session, leases: Sequence[Lease]
) -> Script[tuple[datetime, Sequence[Attempt]]]:
    """The store's time, and the facts about those that are held."""
    parameters = {**session_parameters(session), **LEASES.bind(dialect, leases)}
    rows = yield _ATTEMPTS, parameters
    now: datetime = rows[0][0]
    return now, [attempt_of(row[1:]) for row in rows if row[1] is not None]


def start(dialect: DialectName, session: Session, leases: Sequence[Lease]) -> Script[frozenset[TaskId]]:
    """A repeated start is told like the first."""
    rows = yield _START, {**session_parameters(session), **LEASES.bind(dialect, sorted(leases))}
    return _ids(rows)


def log(dialect: DialectName, session: Session, batches: Sequence[LogBatch]) -> Script[frozenset[TaskId]]:
    """A stopping attempt may still write: what a command says while it is being ended is worth keeping."""
    once = {(b.task_id, b.token, b.sequence): b for b in batches}
    rows = [(b.task_id, b.token, b.sequence, b.lines) for b in once.values()]
    return _ids((yield _LOG, {**session_parameters(session), **_BATCHES.bind(dialect, rows)}))


def log_next(dialect: DialectName, session: Session, batches: Sequence[LogBatch]) -> Script[frozenset[TaskId]]:
    """Batches without a number come after the last one of their lease, in their order. To be run in a transaction."""
    counts: Counter[Lease] = Counter()
    rows = []
    for b in batches:
        counts[b.task_id, b.token] += 1
        rows.append((b.task_id, b.token, counts[b.task_id, b.token], b.lines))
    of_session = session_parameters(session)
    yield _LOCK, {**of_session, **LEASES.bind(dialect, sorted(counts))}  # the next ones wait, and see these
    return _ids((yield _LOG_NEXT, {**of_session, **_BATCHES.bind(dialect, rows)}))


def stand(dialect: DialectName, session: Session, standings: Sequence[Standing]) -> Script[frozenset[TaskId]]:
    """A stopping attempt may still do it: the next one goes on from there."""
    ordered = sorted(standings, key=lambda each: each.task_id)
    rows = [(s.task_id, s.token, s.progress, s.message, s.checkpoint) for s in ordered]
    return _ids((yield _STAND, {**session_parameters(session), **_STANDINGS.bind(dialect, rows)}))


def count_absences(
    dialect: DialectName, session: Session, absent: Iterable[TaskId], present: Iterable[TaskId]
) -> Script[None]:
    """One more for the absent ones, none for the present."""
    rows = sorted({**dict.fromkeys(present, 0), **dict.fromkeys(absent, 1)}.items())
    yield _COUNT_ABSENCES, {**session_parameters(session), **_ABSENCES.bind(dialect, rows)}


def facts_of_attempts() -> sa.Select[Any]:
    """The columns that `attempt_of` reads, of tasks that are held."""
    v = job_versions.c
    version = sa.and_(v.job_id == t.job_id, v.version == t.job_version)
    facts = sa.select(*(t[name] for name in ATTEMPT), v.spec)
    return facts.join_from(tasks, job_versions, version, isouter=True).where(is_held())


def _attempts(dialect: DialectName) -> sa.Executable:
    facts = facts_of_attempts().where(leased_as(dict(LEASES.source(dialect).c))).subquery("facts")
    clock = sa.select(moment(dialect).label("now")).subquery("clock")
    return sa.select(clock.c.now, *facts.c).select_from(clock.outerjoin(facts, sa.true()))


def _start(dialect: DialectName) -> sa.Executable:
    before = words((*TaskStatus.sources_of(TaskStatus.RUNNING), TaskStatus.RUNNING))
    change = sa.update(tasks).where(leased_as(dict(LEASES.source(dialect).c)), t.status.in_(before))
    started_at = sa.func.coalesce(t.started_at, moment(dialect))
    running = {
        "status": word(TaskStatus.RUNNING),
        "started_at": started_at,
        "deadline_at": sa.func.coalesce(t.deadline_at, after(dialect, moment(dialect), t.timeout_s)),
        "version": t.version + number(1),
    }
    return change.values(running).returning(t.id)


def _lock(dialect: DialectName) -> sa.Executable:
    leased = sa.select(t.id).where(leased_as(dict(LEASES.source(dialect).c)))
    return leased.order_by(t.id).with_for_update(of=tasks)


def _log(dialect: DialectName, *, after_the_last: bool) -> sa.Executable:
    batch = _BATCHES.source(dialect).c
    sequence: sa.ColumnElement[int] = batch.sequence
    if after_the_last:
        log = task_logs.c
        last = sa.select(sa.func.max(log.sequence)).where(log.task_id == batch.id, log.token == batch.token)
        sequence = sa.func.coalesce(last.scalar_subquery(), number(0)) + batch.sequence
    row = {
        "task_id": batch.id,
        "token": batch.token,
        "sequence": sequence,
        "attempt": t.attempt,
        "at": moment(dialect),
        "lines": batch.lines,
    }
    rows = sa.select(*row.values()).where(leased_as(dict(batch)))
    # Writing a repeated batch over itself, instead of nothing, returns it as well.
    statement = insert(dialect, task_logs).from_select(list(row), rows)
    same = {"sequence": statement.excluded.sequence}
    return statement.on_conflict_do_update(index_elements=task_logs.primary_key, set_=same).returning(
        task_logs.c.task_id
    )


def _stand(dialect: DialectName) -> sa.Executable:
    s = _STANDINGS.source(dialect).c
    said: dict[str, sa.ColumnElement[Any]] = {
        name: sa.func.coalesce(s[name], t[name]) for name in ("progress", "checkpoint")
    }
    said["progress_message"] = sa.case((s.progress.is_not(None), s.message), else_=t.progress_message)
    return sa.update(tasks).where(leased_as(dict(s))).values(said).returning(t.id)


def _count_absences(dialect: DialectName) -> sa.Executable:
    beat = _ABSENCES.source(dialect).c
    changed = sa.or_(beat.more > number(0), t.absences > number(0))
    count = sa.case((beat.more > number(0), t.absences + number(1)), else_=number(0))
    leased = sa.or_(is_held(), is_stopping())
    return sa.update(tasks).where(t.id == beat.id, under_session(), leased, changed).values(absences=count)


_ATTEMPTS: Final = Statement(_attempts)
_START: Final = Statement(_start)
_LOCK: Final = Statement(_lock)
_LOG: Final = Statement(partial(_log, after_the_last=False))
_LOG_NEXT: Final = Statement(partial(_log, after_the_last=True))
_STAND: Final = Statement(_stand)
_COUNT_ABSENCES: Final = Statement(_count_absences)


def _ids(rows: Iterable[Sequence[Any]]) -> frozenset[TaskId]:
    return frozenset(TaskId(row[0]) for row in rows)
