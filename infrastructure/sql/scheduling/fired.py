"""What a batch of decisions changes, as the statements that write it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from domain.scheduling.occurrence import Occurrence
from domain.scheduling.ports.schedule_queue import Fired
from domain.scheduling.schedule import Schedule
from infrastructure.sql.engine import DialectName
from infrastructure.sql.insert import insert
from infrastructure.sql.relation import Relation, Statement
from infrastructure.sql.scheduling.new_tasks import NEW_TASKS, insert_new_tasks, new_task_rows
from infrastructure.sql.scheduling.schedule_rows import times_text
from infrastructure.sql.scheduling.tables import occurrences, schedules
from infrastructure.sql.scheduling.task_tables import tasks
from infrastructure.sql.types import Instant, JsonText

_OCCURRENCES = Relation(
    "o",
    id=sa.Uuid,
    job_id=sa.Uuid,
    fire_key=sa.Text,
    decision=sa.Text,
    nominal_at=Instant,
    first_nominal_at=Instant,
    planned_at=Instant,
    count=sa.Integer,
    reason=sa.Text,
    task_id=sa.Uuid,
    job_version=sa.Integer,
)
_SCHEDULES = Relation(
    "s",
    job_id=sa.Uuid,
    due_at=Instant,
    upcoming=JsonText,
    exhausted=sa.Boolean,
    last_nominal=Instant,
    last_end=Instant,
    fired_count=sa.BigInteger,
    awaited_task=sa.Uuid,
    tail_id=sa.Uuid,
    tail_decision=sa.Text,
    fired=sa.Boolean,
)


def _insert_occurrences(dialect: DialectName) -> sa.Insert:
    """New entries; one that continues an entry has that entry's id and is added to it."""
    o = _OCCURRENCES.source(dialect)
    values: dict[str, sa.ColumnElement[Any]] = {column.name: column for column in o.c}
    values["tzdata_version"] = sa.bindparam("b_tzdata", type_=sa.Text)
    values["decided_at"] = sa.bindparam("b_now", type_=Instant)
    rows = sa.select(*values.values()).select_from(o)
    rows = rows.where(sa.true())  # in SQLite an ON right after FROM would begin a join
    new = insert(dialect, occurrences).from_select(list(values), rows)
    latest = ("nominal_at", "planned_at", "reason", "decided_at")
    return new.on_conflict_do_update(
        index_elements=[occurrences.c.id],
        set_={"count": occurrences.c.count + new.excluded.count, **{name: new.excluded[name] for name in latest}},
    )


def _update_schedules(dialect: DialectName) -> sa.Update:
    s, now = _SCHEDULES.source(dialect), sa.bindparam("b_now", type_=Instant)
    return (
        sa.update(schedules)
        .where(schedules.c.job_id == s.c.job_id)
        .values(
            due_at=s.c.due_at,
            upcoming=s.c.upcoming,
            exhausted=s.c.exhausted,
            last_nominal=s.c.last_nominal,
            last_end=s.c.last_end,
            fired_count=s.c.fired_count,
            awaited_task=s.c.awaited_task,
            tail_id=s.c.tail_id,
            tail_decision=s.c.tail_decision,
            last_fired_at=sa.case((s.c.fired, now), else_=schedules.c.last_fired_at),
            health_error=sa.null(),
            failures=sa.literal_column("0"),
        )
    )


def _record(dialect: DialectName) -> sa.Select[Any]:
    """All of it as one statement: the ids of the tasks created."""
    created = insert_new_tasks(dialect).returning(tasks.c.id).cte("created")
    ledger = _insert_occurrences(dialect).cte("ledger")
    moved = _update_schedules(dialect).cte("moved")
    return sa.select(created.c.id).add_cte(ledger, moved)


RECORD = Statement(_record)
"""For PostgreSQL, where one statement may write in several places."""

RECORD_OCCURRENCES = Statement(_insert_occurrences)
CREATE_TASKS = Statement(lambda dialect: insert_new_tasks(dialect).returning(tasks.c.id))
UPDATE_SCHEDULES = Statement(_update_schedules)
"""The three parts of `RECORD`, one by one."""


def parameters(dialect: DialectName, fired: Fired, now: datetime, tzdata_version: str) -> dict[str, object]:
    """What `RECORD`, or each of its parts, has to be given."""
    jobs_fired = {o.job_id for o in fired.occurrences if o.decision.runs}
    return {
        **_OCCURRENCES.bind(dialect, [_occurrence_row(o) for o in fired.occurrences]),
        **NEW_TASKS.bind(dialect, new_task_rows(fired.tasks)),
        **_SCHEDULES.bind(dialect, [_schedule_row(s, s.job_id in jobs_fired) for s in fired.schedules]),
        "b_now": now,
        "b_tzdata": tzdata_version,
    }


def _occurrence_row(o: Occurrence) -> tuple[object, ...]:
    return (
        o.extends or o.id,
        o.job_id,
        o.fire_key,
        o.decision,
        o.last_nominal,
        o.first_nominal,
        o.planned_at,
        o.count,
        o.reason,
        o.task_id,
        o.job_version,
    )


def _schedule_row(s: Schedule, fired: bool) -> tuple[object, ...]:
    return (
        s.job_id,
        s.due_at,
        times_text(s),
        s.exhausted,
        s.state.last_nominal,
        s.state.last_end,
        s.state.fired_count,
        s.awaited,
        s.tail.occurrence_id if s.tail else None,
        s.tail.decision if s.tail else None,
        fired,
    )
