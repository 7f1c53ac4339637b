"""An executor: a process that claims tasks, one session for each of its lives."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from domain.scheduling.errors import (
    ExecutorDeactivated,
    ExecutorUnable,
    ExecutorUnavailable,
    SessionEnded,
    SessionSuperseded,
)
from domain.scheduling.events import (
    ExecutorDraining,
    ExecutorLost,
    ExecutorOffline,
    ExecutorOnline,
    ExecutorRegistered,
)
from domain.scheduling.ids import ExecutorId
from domain.scheduling.placement import Capability, Lane
from domain.shared.aggregate import Aggregate
from domain.shared.errors import FieldProblem, Invalid, raise_all
from domain.shared.ids import TenantId
from domain.shared.text import control_characters

RESERVED_IDS = frozenset({"active"})
"""Words that stand in the place of an executor's id in a path."""

CLOCK_STEP = timedelta(milliseconds=500)
"""Smaller changes of an offset are the network's and not worth a write."""


class ExecutorStatus(StrEnum):
    """REGISTERED → ONLINE ⇄ DRAINING; any → OFFLINE; OFFLINE → ONLINE by a new session."""

    REGISTERED = "REGISTERED"
    ONLINE = "ONLINE"
    DRAINING = "DRAINING"
    OFFLINE = "OFFLINE"


def clock_stepped(known: timedelta | None, sent_at: datetime, now: datetime) -> bool:
    """Whether the offset of a clock that said `sent_at` is another one than is known."""
    return known is None or abs(sent_at - now - known) >= CLOCK_STEP


@dataclass(frozen=True, slots=True, kw_only=True)
class Liveness:
    """How often executors beat and when silence means death."""

    interval: timedelta = timedelta(seconds=30)
    timeout: timedelta = timedelta(seconds=120)

    def __post_init__(self) -> None:
        if not timedelta(0) < self.interval * 3 <= self.timeout:
            raise Invalid(
                FieldProblem(
                    "/timeout", "INVALID_LIVENESS", "The executor timeout must be at least three heartbeat intervals."
                )
            )

    def allowed(self, timeout: timedelta | None) -> timedelta:
        """The timeout that somebody asks for, or the usual one. Raises `Invalid` for a shorter one:

        executors that beat as they should would be taken for dead.
        """
        if timeout is not None and timeout < self.timeout:
            detail = f"The timeout is at least the configured {self.timeout.total_seconds():g} s."
            raise Invalid(FieldProblem("/timeoutSeconds", "TIMEOUT_TOO_SHORT", detail))
        return timeout or self.timeout


@dataclass(frozen=True, slots=True, kw_only=True)
class HostInfo:
    """Where the process runs and which version of the worker it is; for people, no rule reads it."""

    host: str
    version: str

    def __post_init__(self) -> None:
        raise_all([*control_characters("/host", [self.host]), *control_characters("/version", [self.version])])


@dataclass(eq=False, slots=True, kw_only=True)
class Executor(Aggregate):
    """`epoch` numbers its sessions from 1, `instance_id` names the process behind the present one."""

    id: ExecutorId
    tenant: TenantId
    status: ExecutorStatus
    instance_id: UUID
    epoch: int
    info: HostInfo
    capability: Capability
    registered_at: datetime
    last_heartbeat_at: datetime
    deactivated: bool = False
    status_reason: str | None = None
    clock_offset: timedelta | None = None
    """How far its clock is ahead of the store's, less what a heartbeat travels; for people, no rule reads it."""

    @classmethod
    def register(
        cls, id_: ExecutorId, tenant: TenantId, instance_id: UUID, info: HostInfo, capability: Capability, now: datetime
    ) -> Executor:
        """A process that the platform has not seen before. Raises `Invalid` for a word that stands in paths."""
        if id_ in RESERVED_IDS:
            raise Invalid(FieldProblem("/executorId", "RESERVED_ID", f"No executor can be called {id_!r}."))
        executor = cls(
            id=id_,
            tenant=tenant,
            status=ExecutorStatus.ONLINE,
            instance_id=instance_id,
            epoch=1,
            info=info,
            capability=capability,
            registered_at=now,
            last_heartbeat_at=now,
        )
        executor._record(ExecutorRegistered(occurred_at=now, executor_id=id_, epoch=1))
        executor._record(ExecutorOnline(occurred_at=now, executor_id=id_, epoch=1))
        return executor

    def register_again(self, instance_id: UUID, info: HostInfo, capability: Capability, now: datetime) -> int | None:
        """A registration under a known id. Returns the epoch that it ended, or None.

        The same instance is a repeated call and keeps its epoch; another one begins a new session.
        Raises `ExecutorDeactivated`.
        """
        if self.deactivated:
            raise ExecutorDeactivated(self.id, self.status_reason or "no reason given")
        if instance_id == self.instance_id and self.status is not ExecutorStatus.OFFLINE:
            self.info, self.capability, self.last_heartbeat_at = info, capability, now
            return None
        ended = self.epoch
        self.epoch += 1
        self.instance_id, self.info, self.capability = instance_id, info, capability
        self.last_heartbeat_at, self.status_reason, self.clock_offset = now, None, None
        self.status = ExecutorStatus.ONLINE
        self._record(ExecutorOnline(occurred_at=now, executor_id=self.id, epoch=self.epoch))
        return ended

    def require_session(self, epoch: int) -> None:
        """Raises `SessionSuperseded` for an older session than the present one.

        `SessionEnded` for one that is over, or that has never been: the store may have been restored from a backup.
        """
        if epoch > self.epoch:
            raise SessionEnded(self.id, f"there is no session {epoch}, the latest is {self.epoch}")
        if epoch < self.epoch:
            raise SessionSuperseded(self.id, epoch, self.epoch)
        if self.status is ExecutorStatus.OFFLINE:
            raise SessionEnded(self.id, self.status_reason or "it was lost")

    def measure_clock(self, sent_at: datetime, now: datetime) -> bool:
        """A heartbeat that was sent at `sent_at` by its own clock is here; whether that is news."""
        if not clock_stepped(self.clock_offset, sent_at, now):
            return False
        self.clock_offset = sent_at - now
        return True

    @property
    def may_claim(self) -> bool:
        """Whether new tasks may go to it."""
        return self.status is ExecutorStatus.ONLINE

    def require_able(self, lane: Lane) -> None:
        """Whether a task of the lane may be given to it by name; its pool and labels are then left to whoever does it.

        Raises `ExecutorUnavailable` unless ONLINE, `ExecutorUnable` when it has not offered this kind of work.
        """
        if not self.may_claim:
            raise ExecutorUnavailable(self.id, self.status)
        if not self.capability.runs(lane):
            raise ExecutorUnable(self.id, lane.type, lane.handler)

    def drain(self, reason: str | None, now: datetime) -> None:
        """No new tasks; what runs may finish. A no-op unless ONLINE."""
        if self.status is ExecutorStatus.ONLINE:
            self.status, self.status_reason = ExecutorStatus.DRAINING, reason
            self._record(ExecutorDraining(occurred_at=now, executor_id=self.id, epoch=self.epoch, reason=reason))

    def leave(self, now: datetime) -> None:
        """The process says goodbye; its session is over."""
        self._go_offline("it left", now)

    def lose(self, silent_since: datetime, now: datetime) -> None:
        """It has been silent for longer than the timeout; its session is over."""
        if self.status is not ExecutorStatus.OFFLINE:
            reason = f"no heartbeat since {silent_since.isoformat()}"
            self._go_offline(reason, now)
            self._record(ExecutorLost(occurred_at=now, executor_id=self.id, epoch=self.epoch, reason=reason))

    def deactivate(self, reason: str, now: datetime) -> None:
        """Ends the session and refuses new ones until `activate`."""
        self.deactivated = True
        self._go_offline(reason, now)
        self.status_reason = reason

    def activate(self, now: datetime) -> None:
        """Lets it register again; a draining session goes back to claiming."""
        self.deactivated = False
        if self.status is ExecutorStatus.DRAINING:
            self.status, self.status_reason = ExecutorStatus.ONLINE, None
            self._record(ExecutorOnline(occurred_at=now, executor_id=self.id, epoch=self.epoch))

    def _go_offline(self, reason: str, now: datetime) -> None:
        if self.status is ExecutorStatus.OFFLINE:
            return
        self.status, self.status_reason = ExecutorStatus.OFFLINE, reason
        self._record(ExecutorOffline(occurred_at=now, executor_id=self.id, epoch=self.epoch, reason=reason))
