"""A worker on duty: one session after another with the server, until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from functools import partial

from scheduler_sdk.command.process import DEATH
from scheduler_sdk.errors import SessionEnded, Superseded
from scheduler_sdk.execution.attempt import Ending
from scheduler_sdk.execution.outbox import Outbox
from scheduler_sdk.execution.slots import Slots
from scheduler_sdk.protocol import backoff
from scheduler_sdk.protocol.exchange import Exchange
from scheduler_sdk.protocol.link import Link
from scheduler_sdk.protocol.session import Session
from scheduler_sdk.race import race
from scheduler_sdk.stopping import StopSignal
from scheduler_sdk.wire import HeartbeatAnswer, Lease, Registration

logger = logging.getLogger("scheduler_sdk")

DELIVER_WITHIN = 10.0
"""Seconds that the last reports of a drained worker have to reach the server."""
HURRIED = 1.0
"""The same, for one that is in a hurry."""
SHORT = 10.0
"""A session of fewer seconds is followed by a pause, the longer the more there were."""


class Duty:
    """Keeps a worker registered, its slots filled and its reports delivered."""

    def __init__(
        self,
        link: Link,
        registration: Registration,
        slots: Slots,
        outbox: Outbox,
        changed: asyncio.Event,
        stop: StopSignal,
        *,
        drain_timeout: float,
        kill_grace: float,
    ) -> None:
        self._link = link
        self._registration = registration
        self._slots = slots
        self._outbox = outbox
        self._changed = changed
        self._stop = stop
        self._drain_timeout = drain_timeout
        self._kill_grace = kill_grace
        self._told_to_drain = False

    async def perform(self, on_registered: Callable[[Session], None]) -> None:
        """Return once stopped and drained. Raises `Refused` for the first registration, and `Superseded`."""
        began: float | None = None
        short = 0
        while not self._stop.is_asked:
            session = await self._register(first=began is None)
            if session is None:
                return
            began = asyncio.get_running_loop().time()
            on_registered(session)
            self._told_to_drain = False
            exchange = Exchange(self._link, session, self._slots, self._outbox, self._changed)
            try:
                await race(
                    session.beat(self._leases, partial(self._heed, exchange)),
                    exchange.run(),
                    self._drain(session, exchange),
                )
            except SessionEnded as ended:
                logger.warning("the session of executor %s has ended: %s", session.executor_id, ended)
                await self._abandon()
                short = short + 1 if asyncio.get_running_loop().time() < began + SHORT else 0
                await race(asyncio.sleep(backoff.pause(short) if short else 0), self._stop.asked())
            except Superseded as taken:
                logger.error("executor %s stops, another process has taken its place: %s", session.executor_id, taken)
                await self._abandon()
                raise
            else:
                await session.leave()
                return

    async def _register(self, *, first: bool) -> Session | None:
        """A new session; None if the worker is stopped before the server has answered."""
        sessions: list[Session] = []

        async def register() -> None:
            sessions.append(await Session.register(self._link, self._registration, first=first))

        await race(register(), self._stop.asked())
        return sessions[0] if sessions else None

    def _leases(self) -> Iterable[Lease]:
        """What runs, and what has ended without the server knowing it: that is still ours too."""
        return {lease.token: lease for lease in (*self._slots.leases(), *self._outbox.leases())}.values()

    def _heed(self, exchange: Exchange, answer: HeartbeatAnswer) -> None:
        for order in answer.cancel:
            self._slots.stop(order.token, Ending.STOPPED, order.why)
        for lease in answer.lost:
            self._slots.stop(lease.token, Ending.SILENT, "its lease is lost")
        if answer.drain != self._told_to_drain:
            self._told_to_drain = answer.drain
            logger.info("the server tells this worker to %s claiming tasks", "stop" if answer.drain else "go on")
        exchange.claim(not answer.drain and not self._stop.is_asked)

    async def _abandon(self) -> None:
        """Stop what runs under a session that is no more, so that it does not run beside its own next attempt."""
        self._slots.stop_all(Ending.SILENT)
        await self._vacate(self._kill_grace + DEATH)

    async def _drain(self, session: Session, exchange: Exchange) -> None:
        await self._stop.asked()
        exchange.claim(False)
        logger.info("executor %s drains: %d tasks are running", session.executor_id, len(self._slots))
        await race(self._slots.vacated(), asyncio.sleep(self._drain_timeout), self._stop.hurried())
        self._slots.close()
        self._slots.stop_all(Ending.RELEASE)
        await self._vacate(self._kill_grace + DEATH)
        await race(self._outbox.emptied(), asyncio.sleep(DELIVER_WITHIN), self._stop.hurried(HURRIED))

    async def _vacate(self, timeout: float) -> None:
        """Wait for what was asked to stop; kill it if there is a hurry."""
        await race(self._slots.vacated(), asyncio.sleep(timeout), self._stop.hurried())
        if self._stop.is_hurried:
            self._slots.kill_all()
            await race(self._slots.vacated(), asyncio.sleep(DEATH))
