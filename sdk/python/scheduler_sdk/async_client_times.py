"""What the client that awaits can ask of fires to come, and do with them. Made by scripts/async_client.py."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

from scheduler_sdk import client_calls as calls
from scheduler_sdk.client_calls import Call
from scheduler_sdk.time_shapes import Fire, Outlook, Upcoming

T = TypeVar("T")


class AsyncTimeCalls:
    """A part of `Client`."""

    async def next_fires(self, job: str, *, count: int = 5) -> list[Fire]:
        return (await self._send(calls.next_fires(job, count)))["fires"]

    async def outlook(self, job: str, *, count: int = 5) -> Outlook:
        """The next fires, and what the job does when clocks are changed next."""
        return await self._send(calls.next_fires(job, count))

    async def preview(self, trigger: Mapping[str, Any], *, count: int = 5) -> Outlook:
        """The same for a job that would have this trigger from now on; nothing is kept."""
        return await self._send(calls.preview_fires(trigger, count))

    async def upcoming(
        self, *, since: datetime | None = None, until: datetime | None = None, **where: str | None
    ) -> Upcoming:
        """The fires to come of all jobs, for a day from now unless told otherwise, and the slots they need.

        `where`: `job`, `tag`, `pool`, `type`, and the zone `tz`, as the API takes them; `limit` items at most.
        """
        return await self._send(calls.list_upcoming(since, until, where))

    async def skip(self, job: str, nominal_at: datetime, *, reason: str) -> Fire:
        """Leaves out one fire to come, named by what its schedule says; the ledger will say why."""
        return await self._send(calls.skip_fire(job, nominal_at.isoformat(), reason))

    async def unskip(self, job: str, nominal_at: datetime) -> Fire:
        """Lets a fire that was to be left out run after all."""
        return await self._send(calls.unskip_fire(job, nominal_at.isoformat()))

    @abstractmethod
    async def _send(self, call: Call[T]) -> T: ...
