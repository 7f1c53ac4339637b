"""The fires of upstreams that matches mean: by the ledger, and LATEST by the tasks there are."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa

from domain.scheduling.dependency import MatchType
from domain.scheduling.ids import TaskId
from domain.scheduling.judging import Seen, Sight
from domain.scheduling.occurrence import RUNNING
from domain.scheduling.ports.run_book import Wish
from domain.scheduling.task_status import TaskStatus
from infrastructure.sql.engine import DialectName
from infrastructure.sql.relation import Relation, Row, Statement, words
from infrastructure.sql.scheduling.judging import IDS
from infrastructure.sql.scheduling.schedule_rows import instants_of
from infrastructure.sql.scheduling.schedule_statements import JOBS
from infrastructure.sql.scheduling.tables import occurrences, schedules
from infrastructure.sql.scheduling.task_changes import number
from infrastructure.sql.scheduling.task_tables import task_history, tasks
from infrastructure.sql.types import Instant
from infrastructure.sql.unit_of_work import SqlUnitOfWork

MOST_IN_WINDOW: Final = 1_000
"""Fires of one window that are looked at, the latest ones."""

_WISHES: Final = Relation("w", place=sa.Integer, job_id=sa.Uuid, nominal=Instant, since=Instant)
_o, _s = occurrences.c, schedules.c
_FIRED: Final = _o.decision.in_(words(RUNNING))


async def fires(work: SqlUnitOfWork, wishes: Collection[Wish], now: datetime) -> Mapping[Wish, Sight]:
    """What is known of each wish at `now`. Schedules are read first: what they have decided by then, the ledger has."""
    upstreams = JOBS.bind(work.dialect, [(job_id,) for job_id in sorted({w.upstream for w in wishes})])
    upcoming = {row[0]: row[1:] for row in await work.fetch(SCHEDULES, **upstreams)}
    ordered = list(wishes)
    rows: dict[int, list[Row]] = {}
    for type_, statement in STATEMENTS.items():
        asked = [(n, w.upstream, w.nominal, _since(w)) for n, w in enumerate(ordered) if w.match.type is type_]
        if asked:
            for place, *row in await work.fetch(statement, b_now=now, **_WISHES.bind(work.dialect, asked)):
                rows.setdefault(place, []).append(tuple(row))
    for place, wish in enumerate(ordered):
        if wish.match.type is MatchType.LATEST and len(rows.get(place, ())) > 1:
            rows[place] = [max(rows[place])]  # one is alive and one has ended: their ids rise with time
    ids = sorted({row[0] for found in rows.values() for row in found if row[0] is not None})
    standing = await _standing(work, ids)
    return {
        wish: Sight(
            fires=[_seen(row, standing) for row in rows.get(place, ())],
            awaited=_is_awaited(wish, bool(rows.get(place)), *upcoming.get(wish.upstream, (False, "[]"))),
            missing=_MISSING[wish.match.type],
        )
        for place, wish in enumerate(ordered)
    }


_MISSING: Final = {
    MatchType.SAME: "has no fire at that time",
    MatchType.LATEST: "has not run for so long",
    MatchType.ALL_IN: "has no fire in that window",
    MatchType.PREVIOUS: "has not fired before",
}


def _since(wish: Wish) -> datetime:
    return wish.nominal if wish.match.span is None else wish.nominal - wish.match.span


def _is_awaited(wish: Wish, found: bool, active: bool, upcoming: str) -> bool:
    """Whether a fire that is meant is still to come. Of a job that goes by no clock that is not known: it may."""
    known = instants_of(upcoming)
    if wish.match.type is MatchType.LATEST:
        return not found
    if wish.match.type is MatchType.SAME:
        return not found and active and (not known or known[0] <= wish.nominal)
    before = wish.match.type is MatchType.PREVIOUS
    return active and bool(known) and (known[0] < wish.nominal if before else known[0] <= wish.nominal)


def _seen(row: Row, standing: Mapping[UUID, Seen]) -> Seen:
    task_id, decision, reason = row
    if task_id is None:
        return Seen(None, None, why=f"did not run: {decision}" + (f" ({reason})" if reason else ""))
    return standing.get(task_id) or Seen(TaskId(task_id), None, why="ran, and how it ended is not kept any more")


async def _standing(work: SqlUnitOfWork, ids: Iterable[UUID]) -> Mapping[UUID, Seen]:
    rows = await work.fetch(STANDING, **IDS.bind(work.dialect, [(id_,) for id_ in ids]))
    return {id_: Seen(TaskId(id_), TaskStatus(status), stopping) for id_, status, stopping in rows}


def _standing_of(dialect: DialectName) -> sa.Executable:
    parts = []
    for table in (tasks, task_history):
        c = table.c
        stopping = c.stopping_until.is_not(None).label("stopping")
        parts.append(sa.select(c.id, c.status, stopping).where(c.id.in_(sa.select(IDS.source(dialect).c.id))))
    return sa.union_all(*parts)


def _found(source: sa.FromClause, on: sa.ColumnElement[bool]) -> sa.Select[Any]:
    columns = (source.c.place, _o.task_id, _o.decision, _o.reason)
    return sa.select(*columns).join_from(source, occurrences, on)


def _first(of: sa.FromClause, *conditions: sa.ColumnElement[bool], latest: bool) -> Any:
    order = (_inner.nominal_at.desc(), _inner.id.desc()) if latest else (_inner.nominal_at, _inner.id)
    chosen = sa.select(_inner.id).where(_inner.job_id == of.c.job_id, *conditions)
    return chosen.order_by(*order).limit(number(1)).correlate(of).scalar_subquery()


_INNER: Final = occurrences.alias("candidates")
_inner = _INNER.c
_fires: Final = _inner.decision.in_(words(RUNNING))


def _same(dialect: DialectName) -> sa.Executable:
    """The fire of that time, or else the entry about times that did not run in which it lies."""
    w = _WISHES.source(dialect)
    at = _first(w, _inner.nominal_at == w.c.nominal, _fires, latest=True)
    covering = _first(w, _inner.nominal_at >= w.c.nominal, ~_fires, latest=False)
    covers = sa.and_(_o.id == covering, _o.first_nominal_at <= w.c.nominal)
    fired = _found(w, _o.id == at)
    return sa.union_all(fired, _found(w, covers).where(at.is_(None)))


def _previous(dialect: DialectName) -> sa.Executable:
    w = _WISHES.source(dialect)
    return _found(w, _o.id == _first(w, _inner.nominal_at < w.c.nominal, _fires, latest=True))


def _all_in(dialect: DialectName) -> sa.Executable:
    w = _WISHES.source(dialect)
    inside = sa.and_(_o.job_id == w.c.job_id, _o.nominal_at > w.c.since, _o.first_nominal_at <= w.c.nominal)
    whole = sa.or_(~_FIRED, _o.nominal_at <= w.c.nominal)
    return _found(w, inside).where(whole).order_by(_o.nominal_at.desc()).limit(number(MOST_IN_WINDOW))


def _latest(dialect: DialectName) -> sa.Executable:
    """Whatever made the task: one that was asked for directly counts, too."""
    w, parts = _WISHES.source(dialect), []
    for table in (tasks, task_history):
        c = table.alias("candidates").c
        when = sa.func.coalesce(c.nominal_at, c.scheduled_time, type_=Instant)
        young = (c.job_id == w.c.job_id, when >= w.c.since, c.scheduled_time <= sa.bindparam("b_now", type_=Instant))
        newest = sa.select(c.id).where(*young).order_by(c.id.desc()).limit(number(1)).correlate(w).scalar_subquery()
        parts.append(sa.select(w.c.place, newest.label("task_id")))
    both = sa.union_all(*parts).subquery("both")
    nothing = sa.cast(sa.null(), sa.Text)
    return sa.select(both.c.place, both.c.task_id, nothing.label("decision"), nothing.label("reason")).where(
        both.c.task_id.is_not(None)
    )


STATEMENTS: Final = {
    MatchType.SAME: Statement(_same),
    MatchType.LATEST: Statement(_latest),
    MatchType.ALL_IN: Statement(_all_in),
    MatchType.PREVIOUS: Statement(_previous),
}
SCHEDULES: Final = Statement(
    lambda d: sa.select(_s.job_id, _s.active, _s.upcoming).where(_s.job_id.in_(sa.select(JOBS.source(d).c.job_id)))
)
STANDING: Final = Statement(_standing_of)
