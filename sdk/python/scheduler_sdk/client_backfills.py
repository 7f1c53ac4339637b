"""What the client that blocks can do with backfills and ailing schedules."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from scheduler_sdk import client_calls as calls
from scheduler_sdk.client_calls import Call
from scheduler_sdk.shapes import Backfill, JobHealth, Page

T = TypeVar("T")


class BackfillCalls:
    """A part of `Client`."""

    def backfill(self, job: str, since: str, until: str, *, dry_run: bool = False, **how: Any) -> Backfill:
        """Makes up for the fires from `since` up to, not including, `until` that the job's ledger lacks.

        `how` are members of the request as the API names them: `order`, `overlap`, `maxLive`, `maxPerMinute`, `force`,
        `priority`. With `dry_run` the answer has `count` and the first `times`, and nothing is started.
        """
        wish: Mapping[str, Any] = {"from": since, "to": until, **how}
        return self._send(calls.start_backfill(job, wish, dry_run))

    def backfills(self, *, job: str | None = None, status: str | None = None) -> Iterator[Backfill]:
        """Backfills, the newest first; pages are fetched as they are read."""
        return self._pages(calls.list_backfills(job, status))

    def get_backfill(self, backfill: str) -> Backfill:
        """How far it is, and what it waits for."""
        return self._send(calls.get_backfill(backfill))

    def act_on_backfill(self, backfill: str, verb: str, *, reason: str | None = None) -> Backfill:
        """`verb` is `pause`, `resume` or `cancel`."""
        return self._send(calls.act_on_backfill(backfill, verb, reason))

    def job_health(self, job: str) -> JobHealth:
        """Whether its schedule and ledger are as its trigger says, and how to mend what is not."""
        return self._send(calls.job_health(job))

    @abstractmethod
    def _pages(self, call: Call[Page[T]]) -> Iterator[T]: ...

    @abstractmethod
    def _send(self, call: Call[T]) -> T: ...
