"""Kill switches: what an operator has stopped for everybody, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.scheduling.placement import Placement
from domain.shared.ids import TenantId


class SwitchKind(StrEnum):
    """FIRING: schedules are not decided, they stay due. CLAIMING: executors get no tasks. POOL: those of a pool."""

    FIRING = "FIRING"
    CLAIMING = "CLAIMING"
    POOL = "POOL"


@dataclass(frozen=True, slots=True)
class Switch:
    """What can be stopped. The first two concern the whole platform, a pool belongs to a tenant."""

    kind: SwitchKind
    tenant: TenantId | None = None
    pool: str | None = None

    @classmethod
    def of_pool(cls, tenant: TenantId, pool: str) -> Switch:
        """That of a pool, whether anything runs there or not. Raises `Invalid` for what can be no name of one."""
        return cls(SwitchKind.POOL, tenant, Placement(pool=pool).pool)


FIRING = Switch(SwitchKind.FIRING)
CLAIMING = Switch(SwitchKind.CLAIMING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """A switch that is off: since when, by whom, and why."""

    switch: Switch
    reason: str
    since: datetime
    by: str
