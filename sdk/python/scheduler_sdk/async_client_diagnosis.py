"""What the client that awaits can do to find out why, and to mend it. Made by scripts/async_client.py."""

from __future__ import annotations

from abc import abstractmethod
from typing import TypeVar

from scheduler_sdk import client_calls as calls
from scheduler_sdk.client_calls import Call
from scheduler_sdk.shapes import Explanation, FailureGroup, Redriven

T = TypeVar("T")


class AsyncDiagnosisCalls:
    """A part of `Client`."""

    async def explain_task(self, task_id: str) -> Explanation:
        """Why a task is not running, or what became of it."""
        return await self._send(calls.explain_task(task_id))

    async def explain_job(self, job: str, *, at: str | None = None) -> Explanation:
        """Why a job fired at a nominal time or did not; without one, what becomes of its next fire."""
        return await self._send(calls.explain_job(job, at))

    async def failure_groups(self, *, job: str | None = None, since: str | None = None) -> list[FailureGroup]:
        """What failed alike and ended since an instant, the most frequent first."""
        return (await self._send(calls.list_failure_groups(job, since)))["items"]

    async def redrive(
        self,
        *,
        expected: int | None = None,
        fingerprint: str | None = None,
        job: str | None = None,
        since: str | None = None,
        rate_per_second: float | None = None,
        reason: str | None = None,
    ) -> Redriven:
        """Tries tasks that ended FAILED or TIMEOUT once more, if there are `expected` of them; without, counts them."""
        which = {"expectedCount": expected, "fingerprint": fingerprint, "job": job, "since": since}
        how = {"ratePerSecond": rate_per_second, "reason": reason}
        body = {name: value for name, value in {**which, **how}.items() if value is not None}
        dry_run = {"dryRun": "true"} if expected is None else {}
        call: Call[Redriven] = Call("POST", "/failures/redrive", dry_run, body=body)
        return await self._send(call)

    @abstractmethod
    async def _send(self, call: Call[T]) -> T: ...
