"""The judgements that tasks leave behind: of those that end for those who depend on them, of those that wait."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from infrastructure.sql.engine import DialectName
from infrastructure.sql.relation import Relation, Statement
from infrastructure.sql.scheduling.dependency_tables import dependency_edges, judgements
from infrastructure.sql.scheduling.task_changes import Condition, is_final, t
from infrastructure.sql.scheduling.task_tables import tasks

IDS: Final = Relation("i", id=sa.Uuid)

_e = dependency_edges.c
_COLUMNS: Final = ("tenant", "job_id", "run_id")


def has_edges() -> sa.Exists:
    """Whether any job depends on another; where none does, nobody has to be judged."""
    return sa.exists(sa.select(_e.job_id))


def judgements_of(ended: sa.CTE) -> sa.Insert:
    """For whoever depends on the jobs of tasks that have just ended; only for PostgreSQL.

    The edges are asked for by an array: a plan that was made while nobody depended on anybody is still a good one then.
    """
    jobs = sa.func.array(sa.select(ended.c.job_id).distinct().scalar_subquery())
    edges = sa.select(_e.upstream_id, _e.job_id).where(_e.upstream_id == sa.any_(jobs)).subquery("edges")
    rows = sa.select(ended.c.tenant, edges.c.job_id, ended.c.run_id).join(edges, edges.c.upstream_id == ended.c.job_id)
    return sa.insert(judgements).from_select(list(_COLUMNS), rows)


def _left(dialect: DialectName, *conditions: Condition) -> sa.Executable:
    among = t.id.in_(sa.select(IDS.source(dialect).c.id))
    rows = sa.select(t.tenant, _e.job_id, t.run_id).join_from(tasks, dependency_edges, _e.upstream_id == t.job_id)
    return sa.insert(judgements).from_select(list(_COLUMNS), rows.where(among, *conditions))


def _waits(dialect: DialectName) -> sa.Executable:
    rows: sa.Select[Any] = sa.select(t.tenant, t.job_id, t.run_id)
    return sa.insert(judgements).from_select(list(_COLUMNS), rows.where(t.id.in_(sa.select(IDS.source(dialect).c.id))))


LEAVE_JUDGEMENTS: Final = Statement(_left)
"""For whoever depends on the tasks of `IDS`, which are about to go to history."""

LEAVE_JUDGEMENTS_OF_FINAL: Final = Statement(lambda dialect: _left(dialect, is_final()))
"""The same for those of `IDS` that are final."""

BEGIN_TO_WAIT: Final = Statement(_waits)
"""For the tasks of `IDS` themselves, which wait for what they depend on."""
