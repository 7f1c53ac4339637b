"""What readers of backfills see, and how they ask."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec

from application.scheduling.queries import Slice
from application.scheduling.views import View
from application.shared.page import Page
from domain.scheduling.backfill import Backfill
from domain.shared.ids import TenantId


class BackfillView(View, frozen=True, kw_only=True):
    """A backfill. `progress` is the share of its span that is decided, `statusReason` what a running one waits for.

    `fired` tasks were created, `alreadyFired` times needed none.
    """

    id: UUID
    job_id: UUID
    job_name: str
    from_: datetime = msgspec.field(name="from")
    to: datetime
    order: str
    overlap: str
    max_live: int
    max_per_minute: int | None
    force: bool
    priority: int
    status: str
    status_reason: str | None
    progress: float
    fired: int
    already_fired: int
    next_step_at: datetime | None
    created_at: datetime
    created_by: str
    updated_at: datetime
    updated_by: str
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillFilter:
    """Empty = any."""

    job_id: UUID | None = None
    statuses: Sequence[str] = ()


class BackfillReader(Protocol):
    """Reads see what is committed. A cursor that does not fit its list raises `Invalid`."""

    @abstractmethod
    async def backfill(self, tenant: TenantId, backfill_id: UUID) -> BackfillView:
        """Raises `BackfillNotFound`."""

    @abstractmethod
    async def backfills(self, tenant: TenantId, where: BackfillFilter, page: Slice) -> Page[BackfillView]:
        """Newest first."""


def view_of_backfill(backfill: Backfill) -> BackfillView:
    """As the API shows it."""
    plan = backfill.plan
    return BackfillView(
        id=backfill.id,
        job_id=backfill.job_id,
        job_name=backfill.job_name,
        from_=plan.begin,
        to=plan.end,
        order=plan.order,
        overlap=plan.overlap,
        max_live=plan.max_live,
        max_per_minute=plan.per_minute,
        force=plan.force,
        priority=plan.priority,
        status=backfill.status,
        status_reason=backfill.status_reason,
        progress=round(backfill.progress, 6),
        fired=backfill.fired,
        already_fired=backfill.passed,
        next_step_at=backfill.due_at,
        created_at=backfill.created_at,
        created_by=backfill.created_by,
        updated_at=backfill.updated_at,
        updated_by=backfill.updated_by,
        ended_at=backfill.ended_at,
    )
