"""What can go wrong between a worker, its tasks and the server."""

from __future__ import annotations

from datetime import timedelta

from scheduler_sdk.client_errors import SchedulerError

LONGEST_DELAY = timedelta(days=366)


class TaskEnd(Exception):
    """How an attempt ends that does not return a result. Handlers raise the kinds below."""


class TaskFailed(TaskEnd):
    """Raise it in a handler to fail the attempt with a code of your own; any other exception fails it with its name.

    `code` is what a job's retry policy can name; `retryable=False` fails the task at once, whatever attempts are left.
    `retry_after`: when the next attempt may begin, in seconds, instead of after the wait of the job's retry policy.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        retryable: bool = True,
        stack: str | None = None,
        retry_after: float | timedelta | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.retryable = retryable
        self.stack = stack
        self.retry_after = None if retry_after is None else _seconds(retry_after)


class NonRetryable(TaskFailed):
    """Raise it in a handler to fail the task for good, whatever attempts are left."""

    def __init__(self, message: str, *, code: str = "NON_RETRYABLE") -> None:
        super().__init__(code, message, retryable=False)


class Snooze(TaskEnd):
    """Raise it in a handler to be called again later: what it needs is not there yet. This uses up no attempt.

    `delay` in seconds, up to 366 days.
    """

    def __init__(self, delay: float | timedelta, reason: str = "") -> None:
        self.delay = _seconds(delay)
        self.reason = reason
        super().__init__(f"again in {self.delay:g} s{f': {reason}' if reason else ''}")


class Cancel(TaskEnd):
    """Raise it in a handler to end the task as CANCELLED: there is nothing to do, now or later."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Stopping(BaseException):
    """The attempt was told to stop. Not an `Exception`, so that a handler does not swallow it by accident."""


def _seconds(time: float | timedelta) -> float:
    seconds = time.total_seconds() if isinstance(time, timedelta) else float(time)
    if not 0.0 <= seconds <= LONGEST_DELAY.total_seconds():
        raise ValueError(f"a delay is from 0 s to {LONGEST_DELAY.days} days, not {seconds:g} s")
    return seconds


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
