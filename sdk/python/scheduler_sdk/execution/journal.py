"""What running attempts say - lines, progress, checkpoints - gathered into few reports."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from msgspec import UNSET, Raw

from scheduler_sdk.execution.attempt import Attempt
from scheduler_sdk.execution.text import LINE_BYTES, LINE_CUT, bounded
from scheduler_sdk.wire import Level, LogLine, Report

FLUSH_AFTER = 0.2  # seconds
FLUSH_LINES = 500
FLUSH_BYTES = 64 * 1024
PROGRESS_LETTERS = 1000

REMARKS = "worker"
"""The stream of the lines that the worker itself adds to the log of a task."""


class Journal:
    """Hands on what was said at most 200 ms later, in order; one timer serves all attempts."""

    def __init__(self, put: Callable[[Attempt, Report], None]) -> None:
        self._put = put
        self._waiting: dict[Attempt, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def line(self, attempt: Attempt, level: Level, stream: str, message: str) -> None:
        """Log one line, cut at 16 KiB, unless the attempt has used up its budget."""
        text = bounded(message, LINE_BYTES, LINE_CUT)
        size = len(text) if text.isascii() else len(text.encode())
        if attempt.budget.admit(size):
            self._append(attempt, level, stream, text, size)

    def remark(self, attempt: Attempt, message: str) -> None:
        """Log what the worker noticed, outside of the attempt's budget."""
        self._append(attempt, "WARN", REMARKS, message, len(message))

    def progress(self, attempt: Attempt, progress: float, message: str | None) -> None:
        """Only the latest progress counts, and the message that came with it."""
        attempt.progress = progress
        attempt.progress_message = (
            None if message is None else bounded(message[:PROGRESS_LETTERS], LINE_BYTES, LINE_CUT)
        )
        self._schedule(attempt)

    def checkpoint(self, attempt: Attempt, checkpoint: Raw) -> None:
        """Only the latest checkpoint counts."""
        attempt.checkpoint = checkpoint
        self._schedule(attempt)

    def flush(self, attempt: Attempt) -> None:
        """Hand on what this attempt said."""
        self._waiting.pop(attempt, None)
        task_id, token = attempt.item.task_id, attempt.item.token
        if attempt.lines:
            lines, attempt.lines, attempt.line_bytes = attempt.lines, [], 0
            attempt.logs += 1
            self._put(attempt, Report(task_id, token, "LOG", lines=lines, sequence=attempt.logs))
        if attempt.progress is not None:
            progress, attempt.progress = attempt.progress, None
            told = UNSET if attempt.progress_message is None else attempt.progress_message
            self._put(attempt, Report(task_id, token, "PROGRESS", progress=progress, message=told))
        if attempt.checkpoint is not None:
            checkpoint, attempt.checkpoint = attempt.checkpoint, None
            self._put(attempt, Report(task_id, token, "CHECKPOINT", checkpoint=checkpoint))

    def discard(self, attempt: Attempt) -> None:
        """Forget what this attempt said: its lease is lost."""
        self._waiting.pop(attempt, None)
        attempt.lines, attempt.progress, attempt.checkpoint = [], None, None

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _append(self, attempt: Attempt, level: Level, stream: str, text: str, size: int) -> None:
        attempt.lines.append(LogLine(datetime.now(UTC), level, stream, text))
        attempt.line_bytes += size
        if attempt.line_bytes >= FLUSH_BYTES or len(attempt.lines) >= FLUSH_LINES:
            self.flush(attempt)
        else:
            self._schedule(attempt)

    def _schedule(self, attempt: Attempt) -> None:
        self._waiting[attempt] = None
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_AFTER, self._flush_all)

    def _flush_all(self) -> None:
        self._timer = None
        for attempt in list(self._waiting):
            self.flush(attempt)
