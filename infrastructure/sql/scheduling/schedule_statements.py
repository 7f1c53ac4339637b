"""The statements by which firing finds and refills schedules by the hundred."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa

from domain.scheduling.task import Origin
from domain.scheduling.task_status import COUNTS_FOR_OVERLAP, Gate
from infrastructure.sql.engine import DialectName
from infrastructure.sql.relation import Relation, Statement, words
from infrastructure.sql.scheduling.schedule_rows import COLUMNS
from infrastructure.sql.scheduling.tables import jobs, schedules
from infrastructure.sql.scheduling.task_tables import tasks
from infrastructure.sql.types import Instant, JsonText

_s, _t = schedules.c, tasks.c

LONG_AGO: Final = datetime(1, 1, 2, tzinfo=UTC)
"""Nothing has been due for longer."""

STEPS = (1000, 500, 250, 100, 50, 25, 10, 5, 2, 1)


def _take_due(limit: int) -> Statement:
    between = _s.due_at.between(sa.bindparam("b_since", type_=Instant), sa.bindparam("b_now", type_=Instant))
    due = sa.select(*COLUMNS).where(_s.due_at.is_not(None), between)
    oldest = due.order_by(_s.due_at, _s.job_id).limit(sa.literal_column(str(limit)))
    return Statement(lambda _: oldest.with_for_update(skip_locked=True))


TAKE_DUE = {limit: _take_due(limit) for limit in STEPS}
"""A text for each limit: without knowing it, the database would plan to fetch a tenth of the table."""

JOBS = Relation("r", job_id=sa.Uuid)


def _count_live(dialect: DialectName) -> sa.Select[Any]:
    of = JOBS.source(dialect)
    unfinished = sa.or_(_t.status.in_(words(COUNTS_FOR_OVERLAP)), _t.stopping_until.is_not(None))
    held = sa.func.coalesce(_t.gate == words([Gate.PAUSED])[0], sa.false())
    theirs = (_t.job_id == of.c.job_id, _t.origin.not_in(words([Origin.DIRECT])), unfinished, ~held)
    count = sa.select(sa.func.count()).select_from(tasks).where(*theirs).correlate(of).scalar_subquery()
    return sa.select(of.c.job_id, count)


COUNT_LIVE = Statement(_count_live)
"""The tasks in the way of a fire, for each of `JOBS`."""


def _specs(dialect: DialectName) -> sa.Select[Any]:
    of = JOBS.source(dialect)
    return sa.select(jobs.c.id, jobs.c.spec).select_from(of.join(jobs, jobs.c.id == of.c.job_id))


SPECS = Statement(_specs)
"""The definitions of `JOBS`."""

KNOWN_TIMES = Relation(
    "r",
    job_id=sa.Uuid,
    job_version=sa.Integer,
    last_nominal=Instant,
    changes_at=Instant,
    due_at=Instant,
    upcoming=JsonText,
    exhausted=sa.Boolean,
)


def _refill(dialect: DialectName) -> sa.Update:
    r = KNOWN_TIMES.source(dialect)
    present, refilled = sa.cast(_s.upcoming, sa.Text), sa.cast(r.c.upcoming, sa.Text)
    open_list = sa.func.length(present) - sa.literal_column("1")  # without its closing bracket
    continues = sa.func.substr(refilled, 1, open_list) == sa.func.substr(present, 1, open_list)
    unchanged = (
        _s.job_version == r.c.job_version,
        _s.last_nominal.is_not_distinct_from(r.c.last_nominal),
        _s.changes_at.is_not_distinct_from(r.c.changes_at),
        _s.active,
        _s.health_error.is_(None),
        continues,
    )
    known = {"upcoming": r.c.upcoming, "due_at": r.c.due_at, "exhausted": r.c.exhausted}
    return sa.update(schedules).where(_s.job_id == r.c.job_id, *unchanged).values(known)


REFILL = Statement(_refill)
"""Appends to the known times of schedules where `KNOWN_TIMES` begins with what the row has."""
