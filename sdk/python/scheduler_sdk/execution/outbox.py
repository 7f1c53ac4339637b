"""The reports that the server has not acknowledged yet."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

from msgspec import Raw

from scheduler_sdk.execution.attempt import Attempt, Ending
from scheduler_sdk.wire import Kind, Lease, Report, encode

MOST_REPORTS = 1000
MOST_BYTES = 1_000_000  # a body of more than 1 MiB would hold up the event loop while it is sent

Batch = Sequence[tuple[Attempt, Kind, Raw]]
"""Reports of one call, in the order in which the server answers them."""


class Outbox:
    """Keeps reports in order per attempt: at most one call at a time carries reports of the same attempt."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._ready: deque[Attempt] = deque()
        self._unsettled: dict[int, Attempt] = {}
        self._most = MOST_REPORTS
        self._empty = asyncio.Event()
        self._empty.set()
        self.bytes = 0
        """Of the reports that no call carries yet."""

    def put(self, attempt: Attempt, report: Report) -> None:
        report.at = datetime.now(UTC)
        raw = Raw(encode(report))
        if not attempt.pending and not attempt.in_flight:
            self._ready.append(attempt)
            self._unsettled[report.token] = attempt
            self._empty.clear()
        attempt.pending.append((report.kind, raw))
        self.bytes += len(memoryview(raw))
        self._wake()

    def take(self) -> Batch:
        """What the next call may carry; each batch must come back through `settle`, `restore` or `refuse`."""
        batch: list[tuple[Attempt, Kind, Raw]] = []
        size = 0
        while self._ready and len(batch) < self._most:
            attempt = self._ready[0]
            before = len(batch)
            for kind, raw in attempt.pending[: self._most - before]:
                length = len(memoryview(raw))
                if batch and size + length > MOST_BYTES:
                    break
                batch.append((attempt, kind, raw))
                size += length
            if taken := len(batch) - before:
                del attempt.pending[:taken]
                attempt.in_flight = True
            elif attempt.pending:
                break  # no room for it in this call
            self._ready.popleft()
        self.bytes -= size
        return batch

    def forget(self, attempt: Attempt) -> None:
        """Nobody would listen to this attempt any more: drop what no call carries yet."""
        self.bytes -= sum(len(memoryview(raw)) for _, raw in attempt.pending)
        attempt.pending.clear()
        self._tidy(attempt)
        self._wake()

    def settle(self, batch: Batch) -> None:
        """The server has answered these."""
        if batch:
            self._most = min(MOST_REPORTS, self._most * 2)
        self._release(batch)

    def restore(self, batch: Batch) -> None:
        """The call with these was given up: they go first with the next one."""
        for attempt, kind, raw in reversed(batch):
            attempt.pending.insert(0, (kind, raw))
            self.bytes += len(memoryview(raw))
        self._release(batch, first=True)

    def refuse(self, batch: Batch) -> bool:
        """The server refused the whole call: the next batches are half as large, down to the culprit.

        Returns whether this was a single report, which is then dropped.
        """
        if len(batch) == 1:
            self.settle(batch)
            return True
        self._most = max(1, len(batch) // 2)
        self.restore(batch)
        return False

    def leases(self) -> Iterable[Lease]:
        """The leases that are held although their work may have ended: the server has not heard of it yet."""
        return [attempt.lease for attempt in self._unsettled.values() if attempt.ending is not Ending.SILENT]

    async def emptied(self) -> None:
        await self._empty.wait()

    def _release(self, batch: Batch, *, first: bool = False) -> None:
        attempts = dict.fromkeys(attempt for attempt, _, _ in batch)
        for attempt in reversed(attempts) if first else attempts:
            attempt.in_flight = False
            if not attempt.pending:
                self._tidy(attempt)
            elif first:
                self._ready.appendleft(attempt)
            else:
                self._ready.append(attempt)

    def _tidy(self, attempt: Attempt) -> None:
        if not attempt.pending and not attempt.in_flight:
            self._unsettled.pop(attempt.item.token, None)
            if not self._unsettled:
                self._empty.set()
