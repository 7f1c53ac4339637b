"""When a failed attempt is tried again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from domain.shared.errors import FieldProblem, raise_all

_LONGEST = timedelta(days=366)


class RetryStrategy(StrEnum):
    """How the wait grows with the number of failures n: delay·2^(n−1), delay·n, or always delay."""

    EXPONENTIAL_BACKOFF = "EXPONENTIAL_BACKOFF"
    LINEAR_BACKOFF = "LINEAR_BACKOFF"
    FIXED_DELAY = "FIXED_DELAY"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """`max_attempts` includes the first try; `jitter` is the fraction (0 to 1) by which a wait may be shorter or
    longer.

    `max_lost` bounds the attempts that ended with their executor (they do not count as tries); 0 = work that must not
    run
    twice fails instead. `never_retry` are error codes that fail at once.
    """

    max_attempts: int = 3
    delay: timedelta = timedelta(seconds=60)
    strategy: RetryStrategy = RetryStrategy.EXPONENTIAL_BACKOFF
    max_delay: timedelta | None = None
    jitter: float = 0.0
    max_lost: int = 3
    never_retry: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        problems: list[FieldProblem] = []
        if not 1 <= self.max_attempts <= 1000:
            problems.append(_problem("/maxAttempts", f"maxAttempts must be 1 to 1000, not {self.max_attempts}."))
        if not timedelta(0) <= self.delay <= _LONGEST:
            problems.append(_problem("/delay", f"delay must be between 0 and {_LONGEST.days} days, not {self.delay}."))
        if self.max_delay is not None and not self.delay <= self.max_delay <= _LONGEST:
            problems.append(_problem("/maxDelay", f"maxDelay must be at least delay and at most {_LONGEST.days} days."))
        if not 0.0 <= self.jitter <= 1.0:
            problems.append(_problem("/jitter", f"jitter is a fraction from 0 to 1, not {self.jitter}."))
        if not 0 <= self.max_lost <= 1000:
            problems.append(_problem("/maxLost", f"maxLost must be 0 to 1000, not {self.max_lost}."))
        raise_all(problems)

    def may_retry(self, failures: int, error_code: str) -> bool:
        """Whether a task that has failed `failures` times, last with `error_code`, gets another attempt."""
        return failures < self.max_attempts and error_code not in self.never_retry

    def wait_after(self, failures: int, dice: float) -> timedelta:
        """The wait after the n-th failure (n from 1); `dice` in [0, 1) places it inside the jitter."""
        longest = _LONGEST if self.max_delay is None else self.max_delay
        factor = {
            RetryStrategy.EXPONENTIAL_BACKOFF: 2 ** min(failures - 1, 40),
            RetryStrategy.LINEAR_BACKOFF: failures,
            RetryStrategy.FIXED_DELAY: 1,
        }[self.strategy]
        seconds = min(self.delay.total_seconds() * factor, longest.total_seconds())
        return timedelta(seconds=seconds * (1 + self.jitter * (2 * dice - 1)))


def _problem(pointer: str, detail: str) -> FieldProblem:
    return FieldProblem(pointer, "INVALID_RETRY_POLICY", detail)
