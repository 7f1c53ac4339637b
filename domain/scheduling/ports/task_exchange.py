"""The conversation with executors: each call is a unit of work of its own, one statement where the store can."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from domain.scheduling.ids import LaneId, TaskId
from domain.scheduling.ports.task_queue import Session
from domain.scheduling.settlement import Attempt, ReportOutcome, Settlement
from domain.shared.ids import TenantId
from domain.shared.json_value import JsonText

LARGEST_CLAIM = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A wish for at most `limit` tasks of `lanes`, of its `own` ones before others. `started`: they count as RUNNING
    at once.

    Repeating `claim_id` returns the same. Whatever the limit, the session holds no more than `slots` tasks after it,
    those that it is stopping among them.
    """

    claim_id: UUID
    lanes: Sequence[LaneId]
    limit: int
    slots: int
    started: bool
    own: frozenset[LaneId] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedTask:
    """A task handed out, with what its executor has to know."""

    id: TaskId
    token: int
    attempt: int
    job_name: str
    lane: LaneId
    parameters: JsonText
    timeout_seconds: int | None
    deadline_at: datetime | None
    checkpoint: JsonText | None
    nominal_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StopOrder:
    """An attempt that the server has ended and whose executor shall stop it.

    `absences` counts the heartbeats in a row that did not list it, where a heartbeat is answered.
    """

    task_id: TaskId
    token: int
    reason: str | None
    absences: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchanged:
    """`applied`: the settlements that took effect. `may_claim` is False when the session is over or draining.

    `makes_room`: what was settled or claimed had taken something that a limit counts. `judged`: others may depend on
    what was settled, and are to be judged. `full`: a task waits that the session has no free slot for.

    In seconds, in no particular order: how long what is claimed now had been ready, and how long what was settled had
    run, as far as it had begun.
    """

    applied: frozenset[TaskId]
    claimed: Sequence[ClaimedTask]
    stop: Sequence[StopOrder]
    may_claim: bool
    waits: Sequence[float] = ()
    durations: Sequence[float] = ()
    makes_room: bool = False
    judged: bool = False
    full: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldLease:
    """A lease as the store knows it; `absences` counts the heartbeats in a row that did not list it.

    One that was assigned by name is not `delivered` until its executor has claimed it.
    """

    task_id: TaskId
    token: int
    claimed_at: datetime
    absences: int
    delivered: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What the store says to a heartbeat at `now`. `live`: the session is the tenant's and the executor's present one,
    and not over; only then do the others say something.

    `held` leaves out what is stopping, which `stop` names. `clock_offset` is the one that was last written down.
    """

    now: datetime
    live: bool
    may_claim: bool = False
    clock_offset: timedelta | None = None
    held: Sequence[HeldLease] = ()
    stop: Sequence[StopOrder] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LogBatch:
    """Lines of one attempt, a JSON array of `{"at","level","stream","message"}`.

    `sequence` numbers the batches of a lease from 1; 0 = after the last one, and then a repeated batch is kept twice.
    """

    task_id: TaskId
    token: int
    sequence: int
    lines: JsonText


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How far an attempt is (0 to 1), and from where another one could go on; None = as it was.

    `message` belongs to `progress`: where one is given, the message of the one before is gone.
    """

    task_id: TaskId
    token: int
    progress: float | None = None
    message: str | None = None
    checkpoint: JsonText | None = None


Lease = tuple[TaskId, int]
"""A task and the token under which it is held."""


class TaskExchange(Protocol):
    """Every write is fenced: it takes effect only on a task that `session` holds under the token given."""

    @abstractmethod
    async def exchange(self, session: Session, settlements: Sequence[Settlement], claim: Claim | None) -> Exchanged:
        """Apply what has ended and hand out what is claimable, in one unit.

        Lowest rank first, of the lane with the lowest; but of the claim's own lanes, if anything waits there. What has
        ended here makes room; of two claims at the same moment, the later one knows what the earlier one got.
        """

    @abstractmethod
    async def deliver(self, session: Session, claim: Claim) -> Sequence[ClaimedTask]:
        """Hand out what was assigned to the executor by name, whatever its lanes; nothing if it may not claim.

        Until it has a free slot for that, `exchange` keeps one for it.
        """

    @abstractmethod
    async def attempts(self, session: Session, leases: Sequence[Lease]) -> tuple[datetime, Sequence[Attempt]]:
        """The store's time, and the facts for deciding about these leases; those not held are left out."""

    @abstractmethod
    async def start(self, session: Session, leases: Sequence[Lease]) -> frozenset[TaskId]:
        """ASSIGNED becomes RUNNING; which are RUNNING now under these leases."""

    @abstractmethod
    async def stopped(self, session: Session, leases: Sequence[Lease]) -> frozenset[TaskId]:
        """Stopping attempts that have stopped; which of these were stopping."""

    @abstractmethod
    async def log(self, session: Session, batches: Sequence[LogBatch]) -> frozenset[TaskId]:
        """Append them, a repeated one once; the tasks whose lease holds."""

    @abstractmethod
    async def stand(self, session: Session, standings: Sequence[Standing]) -> frozenset[TaskId]:
        """Write down how far attempts are, each lease once; the tasks whose lease holds.

        A stopping one may still do so.
        """

    @abstractmethod
    async def miss(self, session: Session, settlements: Sequence[Settlement]) -> Mapping[Lease, ReportOutcome]:
        """What became of settlements that were not applied, each lease for itself.

        ALREADY when the same token had ended alike, else LEASE_LOST; then a result or error is kept as an orphan of the
        task. INVALID when the session holds the lease and it cannot end so.
        """

    @abstractmethod
    async def hear(self, tenant: TenantId, session: Session) -> Heard:
        """Everything that the answer to a heartbeat needs; reads only, and locks nothing."""

    @abstractmethod
    async def count_absences(self, session: Session, absent: Sequence[TaskId], present: Sequence[TaskId]) -> None:
        """One more heartbeat without the absent ones; the present ones start from zero."""
