"""What the present sessions of executors offer, remembered so that a claim need not ask."""

from __future__ import annotations

from application.scheduling.ports import BeginWork
from application.shared.principal import Principal
from domain.scheduling.placement import Capability
from domain.scheduling.ports.task_queue import Session
from domain.shared.ids import TenantId

MOST = 10_000
"""Sessions remembered; beyond that all are forgotten and read again as they come."""


class Sessions:
    """A session's offer never changes; whether it is still the present one, only the store knows."""

    def __init__(self, begin: BeginWork) -> None:
        self._begin = begin
        self._known: dict[tuple[TenantId, Session], Capability] = {}

    async def capability(self, principal: Principal, session: Session) -> Capability:
        """What it offers.

        Raises `ExecutorNotFound`, `SessionSuperseded`, `SessionEnded` the first time it is asked for.
        """
        key = (principal.tenant, session)
        if (known := self._known.get(key)) is not None:
            return known
        return await self.require_live(principal, session)

    async def require_live(self, principal: Principal, session: Session) -> Capability:
        """Ask the store; a draining session is live. Raises like `capability`."""
        key = (principal.tenant, session)
        async with self._begin() as work:
            executor = await work.executors.get(principal.tenant, session.executor_id)
        try:
            executor.require_session(session.epoch)
        except Exception:
            self._known.pop(key, None)
            raise
        if len(self._known) >= MOST:
            self._known.clear()
        self._known[key] = executor.capability
        return executor.capability

    def forget(self, principal: Principal, session: Session) -> None:
        """The session is over or has changed its offer."""
        self._known.pop((principal.tenant, session), None)
