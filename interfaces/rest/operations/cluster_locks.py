"""Locks of the platform's own upkeep, as operators see them."""

from collections.abc import Sequence

import msgspec
from litestar import get

from application.operations.views import HeldLockView
from application.shared.principal import Principal
from domain.operations.lock import Lock
from domain.operations.ports.locks import Locks
from interfaces.rest.documented import problems
from interfaces.rest.injected import Injected


class HeldLocksView(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """All of them, by name."""

    items: Sequence[HeldLockView]
    next_cursor: str | None = None


@get("/cluster/locks", operation_id="clusterLocks", tags=["Cluster"], responses=problems())
async def cluster_locks(principal: Injected[Principal], operation_locks: Injected[Locks]) -> HeldLocksView:
    """The locks of the platform's own upkeep, and the nodes that hold them."""
    return HeldLocksView(items=[held_lock(lock) for lock in await operation_locks.held(principal.tenant)])


def held_lock(lock: Lock) -> HeldLockView:
    """As it is shown."""
    return HeldLockView(
        name=lock.name,
        node=lock.node,
        token=lock.token,
        locked_at=lock.locked_at,
        at_least_until=lock.at_least_until,
        until=lock.until,
    )
