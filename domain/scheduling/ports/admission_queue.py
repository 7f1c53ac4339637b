"""Tasks that wait at a limit."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from domain.scheduling.admission import Admission, Candidate, LimitKey, Standing
from domain.scheduling.ids import JobId, LaneId, TaskId
from domain.scheduling.rate import RateUse


class AdmissionQueue(Protocol):
    """First one looks, then one locks what one has seen and decides on what is true then."""

    @abstractmethod
    async def keys_with_room(self, now: datetime, limit: int) -> Sequence[LimitKey]:
        """At most `limit` keys at which somebody waits and of which not all is taken; a rate that may let one go."""

    @abstractmethod
    async def waiting(self, keys: Sequence[LimitKey], each: int) -> Sequence[Candidate]:
        """The first `each` that wait at each of the keys."""

    @abstractmethod
    async def lock(self, keys: Collection[LimitKey]) -> frozenset[LimitKey]:
        """Lock these until the end of the unit of work; those that another one has locked are left out."""

    @abstractmethod
    async def take(self, ids: Sequence[TaskId]) -> Sequence[Candidate]:
        """Those that still wait at a limit, locked, in the order of the queue.

        A fire that waits for its turn is decided under the lock of its schedule; while another one has that, it and
        those behind it are left out.
        """

    @abstractmethod
    async def standing(self, keys: Collection[LimitKey]) -> Standing:
        """How much of these is taken now."""

    @abstractmethod
    async def record(
        self, admissions: Sequence[Admission], used: Mapping[LimitKey, RateUse], now: datetime
    ) -> Mapping[LaneId, int]:
        """Let go who may, move the others to the gate where they wait now, keep what the rates have let go.

        How many came to stand in which lane. One that takes turns stands behind all that came before it. A fire that
        was BUFFERED is FIRED when it goes, and only then counts for the job's limit on executions.
        """

    @abstractmethod
    async def resume(self, job_id: JobId) -> None:
        """What was held back because the job was paused waits for its turn again."""

    @abstractmethod
    async def next_free(self) -> datetime | None:
        """When the first rate lets somebody go who waits for it; None if nobody does."""
