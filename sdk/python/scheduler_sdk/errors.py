"""What can go wrong between a worker, its tasks and the server."""

from __future__ import annotations

from scheduler_sdk.client_errors import SchedulerError


class TaskFailed(Exception):
    """Raise it in a handler to fail the attempt with a code of your own.

    `code` is what a job's retry policy can name; `retryable=False` fails the task at once, whatever attempts are left.
    """

    def __init__(self, code: str, message: str, *, retryable: bool = True, stack: str | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.retryable = retryable
        self.stack = stack


class Unavailable(SchedulerError):
    """The server cannot be reached, or cannot answer now. The same call can be made again.

    `retry_after`: the seconds the server asked to be left alone.
    """

    def __init__(self, cause: str, retry_after: float = 0.0) -> None:
        super().__init__(cause)
        self.retry_after = retry_after


class Refused(SchedulerError):
    """The server understood a call and will not have it."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(f"{detail} (HTTP {status}{f', {code}' if code else ''})")
        self.status = status
        self.code = code


class SessionEnded(SchedulerError):
    """The server no longer knows this session: it was silent too long, or an operator ended it. Register anew."""


class Superseded(SchedulerError):
    """Another process has registered under this executor's id: this one must stop."""
