"""Backfills in SQL."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from domain.scheduling.backfill import Backfill, BackfillStatus
from domain.scheduling.backfill_errors import BackfillNotFound, BackfillUnderWay
from domain.scheduling.backfill_plan import BackfillOrder, BackfillOverlap, BackfillPlan
from domain.scheduling.errors import StaleVersion
from domain.scheduling.ids import BackfillId, JobId
from domain.scheduling.ports.backfill_repository import BackfillRepository
from domain.scheduling.priority import Priority
from domain.shared.ids import TenantId
from infrastructure.sql.errors import violated
from infrastructure.sql.scheduling.backfill_tables import backfills
from infrastructure.sql.scheduling.schedule_rows import instants_of, upcoming_text
from infrastructure.sql.schema import metadata
from infrastructure.sql.unit_of_work import SqlUnitOfWork

_b = backfills.c
_IS_DUE = _b.due_at.is_not(None)


class SqlBackfillRepository(BackfillRepository):
    """One row a backfill; its next times stand in the row."""

    def __init__(self, work: SqlUnitOfWork) -> None:
        self._work = work

    async def get(self, tenant: TenantId, backfill_id: BackfillId) -> Backfill:
        query = sa.select(backfills).where(_b.id == backfill_id, _b.tenant == tenant).with_for_update()
        row = (await self._work.execute(query)).one_or_none()
        if row is None:
            raise BackfillNotFound(backfill_id)
        return backfill_of(row)

    async def save(self, backfill: Backfill) -> None:
        row = _row(backfill)
        try:
            if backfill.version == 0:
                await self._work.execute(sa.insert(backfills).values(row))
            else:
                unchanged = sa.and_(_b.id == backfill.id, _b.version == backfill.version)
                result = await self._work.execute(sa.update(backfills).where(unchanged).values(row))
                if result.rowcount == 0:
                    raise StaleVersion(f"Backfill {backfill.id}")
        except sa.exc.IntegrityError as error:
            if violated(error, metadata) == "uq_backfills_under_way":
                raise BackfillUnderWay(backfill.job_name) from None
            raise
        self._work.release(backfill)

    async def take_due(self, now: datetime) -> Backfill | None:
        due = sa.select(backfills).where(_IS_DUE, _b.due_at <= now).order_by(_b.due_at, _b.id).limit(1)
        row = (await self._work.execute(due.with_for_update(skip_locked=True))).one_or_none()
        return None if row is None else backfill_of(row)

    async def next_due(self) -> datetime | None:
        query = sa.select(_b.due_at).where(_IS_DUE).order_by(_b.due_at, _b.id).limit(1)
        due_at: datetime | None = (await self._work.execute(query)).scalar_one_or_none()
        return due_at


def _row(backfill: Backfill) -> dict[str, Any]:
    plan = backfill.plan
    return {
        "id": backfill.id,
        "tenant": backfill.tenant,
        "job_id": backfill.job_id,
        "job_name": backfill.job_name,
        "begin_at": plan.begin,
        "end_at": plan.end,
        "direction": plan.order,
        "overlap": plan.overlap,
        "max_live": plan.max_live,
        "per_minute": plan.per_minute,
        "force": plan.force,
        "priority": plan.priority,
        "status": backfill.status,
        "status_reason": backfill.status_reason,
        "frontier": backfill.frontier,
        "waiting": upcoming_text(backfill.waiting),
        "walked": backfill.walked,
        "fired": backfill.fired,
        "passed": backfill.passed,
        "due_at": backfill.due_at,
        "created_at": backfill.created_at,
        "created_by": backfill.created_by,
        "updated_at": backfill.updated_at,
        "updated_by": backfill.updated_by,
        "ended_at": backfill.ended_at,
        "version": backfill.version + 1,
    }


def backfill_of(row: sa.Row[Any]) -> Backfill:
    """The backfill of a row with all columns."""
    return Backfill(
        id=BackfillId(row.id),
        tenant=TenantId(row.tenant),
        job_id=JobId(row.job_id),
        job_name=row.job_name,
        plan=BackfillPlan(
            begin=row.begin_at,
            end=row.end_at,
            order=BackfillOrder(row.direction),
            overlap=BackfillOverlap(row.overlap),
            max_live=row.max_live,
            per_minute=row.per_minute,
            force=row.force,
            priority=Priority(row.priority),
        ),
        status=BackfillStatus(row.status),
        status_reason=row.status_reason,
        frontier=row.frontier,
        waiting=instants_of(row.waiting),
        walked=row.walked,
        fired=row.fired,
        passed=row.passed,
        due_at=row.due_at,
        created_at=row.created_at,
        created_by=row.created_by,
        updated_at=row.updated_at,
        updated_by=row.updated_by,
        ended_at=row.ended_at,
        version=row.version,
    )
