"""Entries of the ledger about fires that wait for their turn: what becomes of them in the end."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from domain.scheduling.occurrence import Decision
from infrastructure.sql.engine import DialectName
from infrastructure.sql.relation import Relation, Statement
from infrastructure.sql.scheduling.tables import occurrences
from infrastructure.sql.scheduling.task_changes import Condition, word

BUFFERED: Final = Relation("f", task_id=sa.Uuid)
_o = occurrences.c


def _waits(dialect: DialectName) -> Condition:
    """The first condition is word for word the predicate of the index over those that wait."""
    return sa.and_(
        _o.decision == word(Decision.BUFFERED), _o.task_id.in_(sa.select(BUFFERED.source(dialect).c.task_id))
    )


def _supersede(dialect: DialectName) -> sa.Executable:
    superseded = {"decision": word(Decision.SUPERSEDED), "reason": sa.bindparam("b_reason", type_=sa.Text)}
    return sa.update(occurrences).where(_waits(dialect)).values(superseded)


def _fire(dialect: DialectName) -> sa.Executable:
    return sa.update(occurrences).where(_waits(dialect)).values(decision=word(Decision.FIRED))


SUPERSEDE: Final = Statement(_supersede)
FIRE: Final = Statement(_fire)
