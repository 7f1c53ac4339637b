"""What tasks share and must not use up: slots of a key, starts in a while, turns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from domain.scheduling.key_template import KeyTemplate
from domain.shared.errors import FieldProblem, raise_all

MOST_SLOTS: Final = 30_000
MOST_STARTS: Final = 1_000_000
MOST_IN_WINDOW: Final = 1_000
"""Starts that a sliding window remembers one by one."""

SHORTEST, LONGEST = timedelta(seconds=1), timedelta(days=31)
MOST_WEIGHT: Final = 100

TURN: Final = 10
"""Tasks that a fair key of weight 1 may have in the queue at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConcurrencyLimit:
    """At most `limit` tasks with one key are claimable or under way at a time, whichever jobs they are of."""

    limit: int
    key: KeyTemplate

    def __post_init__(self) -> None:
        raise_all(_outside("limit", self.limit, MOST_SLOTS))


class RateAlgorithm(StrEnum):
    """TOKEN_BUCKET refills evenly and lets `burst` go at once; SLIDING_WINDOW never has more in any window."""

    TOKEN_BUCKET = "TOKEN_BUCKET"
    SLIDING_WINDOW = "SLIDING_WINDOW"


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """At most `limit` starts per `per`; each task counts `weight`. `burst` None = `limit`."""

    limit: int
    per: timedelta
    key: KeyTemplate
    algorithm: RateAlgorithm = RateAlgorithm.TOKEN_BUCKET
    burst: int | None = None
    weight: int = 1

    def __post_init__(self) -> None:
        most = MOST_IN_WINDOW if self.algorithm is RateAlgorithm.SLIDING_WINDOW else MOST_STARTS
        problems = list(_outside("limit", self.limit, most))
        if not SHORTEST <= self.per <= LONGEST:
            problems.append(FieldProblem("/per", "OUT_OF_RANGE", f"per is from one second to {LONGEST.days} days."))
        if self.burst is not None:
            problems += _outside("burst", self.burst, MOST_STARTS)
            if self.algorithm is RateAlgorithm.SLIDING_WINDOW:
                problems.append(FieldProblem("/burst", "UNUSED", "A sliding window has no burst; leave it out."))
        raise_all(problems or _outside("weight", self.weight, min(self.capacity, self.limit)))

    @property
    def capacity(self) -> int:
        """How much weight may go at once."""
        return self.limit if self.burst is None else self.burst


@dataclass(frozen=True, slots=True, kw_only=True)
class Fairness:
    """Keys take turns: one of weight 2 has twice as many tasks in the queue as one of weight 1."""

    key: KeyTemplate
    weight: int = 1

    def __post_init__(self) -> None:
        raise_all(_outside("weight", self.weight, MOST_WEIGHT))

    @property
    def window(self) -> int:
        """Tasks of a key that may stand in the queue at a time."""
        return self.weight * TURN


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskKeys:
    """The keys of one task; None = it has none of that kind."""

    slot: str | None = None
    rate: str | None = None
    turn: str | None = None


NO_KEYS: Final = TaskKeys()


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a job's tasks obey before they stand in the queue."""

    concurrency: ConcurrencyLimit | None = None
    rate: RateLimit | None = None
    fairness: Fairness | None = None

    def __bool__(self) -> bool:
        return bool(self.templates)

    @property
    def are_fixed(self) -> bool:
        """Whether all tasks have the same keys."""
        return all(template.is_fixed for _, template in self.templates)

    def keys(self, parameters: Mapping[str, object]) -> TaskKeys:
        """Those of a task with these parameters."""
        return TaskKeys(
            slot=None if self.concurrency is None else self.concurrency.key.filled(parameters),
            rate=None if self.rate is None else self.rate.key.filled(parameters),
            turn=None if self.fairness is None else self.fairness.key.filled(parameters),
        )

    def missing(self, parameters: Mapping[str, object]) -> Iterator[FieldProblem]:
        """Which keys cannot be made of these parameters."""
        for name, template in self.templates:
            if (parameter := template.missing(parameters)) is not None:
                detail = f"The key {template.text!r} needs the parameter {parameter!r}, a text or a number."
                yield FieldProblem(f"/{name}/key", "KEY_WITHOUT_PARAMETER", detail)

    @property
    def templates(self) -> list[tuple[str, KeyTemplate]]:
        """The keys, each with the member of a job's document that has it."""
        kinds = (("concurrency", self.concurrency), ("rateLimit", self.rate), ("fairness", self.fairness))
        return [(name, limit.key) for name, limit in kinds if limit is not None]


NO_LIMITS: Final = Limits()


def _outside(name: str, value: int, most: int) -> list[FieldProblem]:
    if 1 <= value <= most:
        return []
    return [FieldProblem(f"/{name}", "OUT_OF_RANGE", f"{name} is a number from 1 to {most}, not {value}.")]
