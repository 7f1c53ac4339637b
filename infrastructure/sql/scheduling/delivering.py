"""Tasks that were assigned by name reach their executor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa

from domain.scheduling.ports.task_exchange import Claim, ClaimedTask
from domain.scheduling.ports.task_queue import Session
from domain.scheduling.task_status import TaskStatus
from infrastructure.sql.engine import DialectName
from infrastructure.sql.relation import Statement
from infrastructure.sql.scheduling.claiming import CLAIM_ID, claim_parameters, held, may_claim, room
from infrastructure.sql.scheduling.scripts import Script, moment
from infrastructure.sql.scheduling.settling import session_parameters
from infrastructure.sql.scheduling.task_changes import after, is_undelivered, number, of_session, t, word
from infrastructure.sql.scheduling.task_rows import CLAIMED, claimed_task
from infrastructure.sql.scheduling.task_tables import tasks


def deliver(dialect: DialectName, session: Session, claim: Claim) -> Script[Sequence[ClaimedTask]]:
    """In the order of their assignment. Their token and attempt were counted when they were assigned."""
    rows = yield _DELIVER, {**session_parameters(session), **claim_parameters(claim, dialect, ())}
    return sorted((claimed_task(row) for row in rows), key=lambda task: task.token)


def _deliver(dialect: DialectName) -> sa.Executable:
    """Found by the index of held tasks, in which those without a claim stand together."""
    now = moment(dialect)
    started = sa.bindparam("b_started", type_=sa.Boolean)
    waiting = sa.select(t.id).where(of_session(), is_undelivered(), may_claim())
    free = room(dialect, held(dialect, undelivered=False))
    first = waiting.order_by(t.id).limit(free).with_for_update(skip_locked=True, of=tasks)
    fetched = {
        "claim_id": CLAIM_ID,
        "status": sa.case((started, word(TaskStatus.RUNNING)), else_=t.status),
        "started_at": sa.case((started, now)),
        "claimed_at": now,
        "deadline_at": after(dialect, now, t.timeout_s),
        "version": t.version + number(1),
    }
    change = sa.update(tasks).where(t.id.in_(first)).values(fetched)
    return change.returning(*(t[name] for name in CLAIMED))


_DELIVER: Final = Statement(_deliver)
