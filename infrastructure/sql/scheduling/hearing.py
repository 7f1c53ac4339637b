"""A heartbeat as one statement: the store's time, the standing of the session, and its leases."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa

from domain.scheduling.executor import ExecutorStatus
from domain.scheduling.ids import TaskId
from domain.scheduling.ports.task_exchange import Heard, HeldLease
from domain.scheduling.ports.task_queue import Session
from domain.shared.ids import TenantId
from infrastructure.sql.engine import DialectName
from infrastructure.sql.relation import Statement
from infrastructure.sql.scheduling.scripts import Script, moment
from infrastructure.sql.scheduling.settling import session_parameters
from infrastructure.sql.scheduling.tables import executors
from infrastructure.sql.scheduling.task_changes import is_held, is_stopping, is_undelivered, of_session, t, word
from infrastructure.sql.scheduling.task_rows import stop_order
from infrastructure.sql.scheduling.task_tables import tasks


def hear(tenant: TenantId, session: Session) -> Script[Heard]:
    """A row for each lease, or one if there is none."""
    rows = yield _HEAR, {**session_parameters(session), "b_tenant": tenant}
    now, status, offset, *_ = rows[0]
    if status is None:
        return Heard(now=now, live=False)
    leases = [row[3:] for row in rows if row[3] is not None]
    return Heard(
        now=now,
        live=True,
        may_claim=status == ExecutorStatus.ONLINE,
        clock_offset=None if offset is None else timedelta(milliseconds=offset),
        held=sorted((_held(*lease[:5]) for lease in leases if lease[5]), key=lambda held: held.task_id),
        stop=[stop_order(lease[0], lease[1], lease[7], lease[8], lease[3]) for lease in leases if lease[6]],
    )


def _held(id_: TaskId, token: int, claimed_at: datetime, absences: int, undelivered: object) -> HeldLease:
    return HeldLease(
        task_id=TaskId(id_), token=token, claimed_at=claimed_at, absences=absences, delivered=not undelivered
    )


def _hear(dialect: DialectName) -> sa.Executable:
    e = executors.c
    clock = sa.select(moment(dialect).label("now")).subquery("clock")
    present = sa.and_(
        e.id == sa.bindparam("b_executor", type_=sa.Text),
        e.epoch == sa.bindparam("b_epoch", type_=sa.Integer),
        e.tenant == sa.bindparam("b_tenant", type_=sa.Text),
        e.status != word(ExecutorStatus.OFFLINE),
    )
    lease = (t.id, t.token, t.claimed_at, t.absences, is_undelivered(), is_held(), is_stopping())
    answer = sa.select(clock.c.now, e.status, e.clock_offset_ms, *lease, t.status_reason, t.error)
    return answer.select_from(clock.outerjoin(executors, present).outerjoin(tasks, of_session()))


_HEAR: Final = Statement(_hear)
