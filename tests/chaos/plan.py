"""What is done to whom, and when: made from a seed, the same every time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random

NODES = ("n1", "n2", "n3")
WORKERS = ("w1", "w2", "w3")
LIAR = "liar"
EXECUTORS = (*WORKERS, LIAR)


class Kind(StrEnum):
    """What may be done."""

    KILL_NODE = "kill-node"
    PAUSE_NODE = "pause-node"
    KILL_EXECUTOR = "kill-executor"
    PAUSE_EXECUTOR = "pause-executor"
    PARTITION_EXECUTOR = "partition-executor"
    POSTGRES_FAST = "postgres-fast"
    POSTGRES_IMMEDIATE = "postgres-immediate"
    POSTGRES_READ_ONLY = "postgres-read-only"
    CUT_POSTGRES = "cut-postgres"
    REDIS_KILL = "redis-kill"
    REDIS_PAUSE = "redis-pause"
    CUT_REDIS = "cut-redis"
    STORM = "storm"


SPANS: dict[Kind, tuple[float, float]] = {
    Kind.KILL_NODE: (0.2, 4.0),
    Kind.PAUSE_NODE: (2.0, 7.0),
    Kind.KILL_EXECUTOR: (0.2, 6.0),
    Kind.PAUSE_EXECUTOR: (5.0, 8.0),
    Kind.PARTITION_EXECUTOR: (1.0, 8.0),
    Kind.POSTGRES_FAST: (0.0, 2.0),
    Kind.POSTGRES_IMMEDIATE: (0.0, 2.0),
    Kind.POSTGRES_READ_ONLY: (0.5, 3.0),
    Kind.CUT_POSTGRES: (0.5, 2.0),
    Kind.REDIS_KILL: (0.0, 4.0),
    Kind.REDIS_PAUSE: (1.0, 4.0),
    Kind.CUT_REDIS: (0.0, 0.0),
    Kind.STORM: (2.0, 5.0),
}
"""Between how many seconds it lasts; an executor is lost after four."""

PAUSES = (0.2, 2.5)
"""Seconds from the beginning of one to that of the next: often several things are broken at a time."""

TO_RECOVER = 2.0
"""Seconds between two things that happen to the same target."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """`at` and `lasts` are seconds; `at` counts from the beginning of the faults."""

    at: float
    kind: Kind
    target: str
    lasts: float

    def __str__(self) -> str:
        return f"{self.at:7.2f} s  {self.kind} {self.target} for {self.lasts:.2f} s"


def plan(seed: int, seconds: float) -> Sequence[Step]:
    """Steps of all kinds, in an order that the seed chooses; each kind comes once before one comes again."""
    dice = Random(seed)
    steps: list[Step] = []
    free: dict[str, float] = {}
    bag: list[Kind] = []
    at = dice.uniform(*PAUSES)
    while at < seconds:
        if not bag:
            bag = dice.sample(list(Kind), len(Kind))
        target = dice.choice(targets_of(bag[-1]))
        if free.get(target, 0.0) <= at:
            kind = bag.pop()
            lasts = dice.uniform(*SPANS[kind])
            steps.append(Step(at=round(at, 3), kind=kind, target=target, lasts=round(lasts, 3)))
            free[target] = at + lasts + TO_RECOVER
        at += dice.uniform(*PAUSES)
    return steps


def targets_of(kind: Kind) -> Sequence[str]:
    """Whom it may happen to."""
    match kind:
        case Kind.KILL_NODE | Kind.PAUSE_NODE:
            return NODES
        case Kind.KILL_EXECUTOR | Kind.PAUSE_EXECUTOR | Kind.PARTITION_EXECUTOR:
            return EXECUTORS
        case Kind.POSTGRES_FAST | Kind.POSTGRES_IMMEDIATE | Kind.POSTGRES_READ_ONLY | Kind.CUT_POSTGRES:
            return ("postgres",)
        case Kind.REDIS_KILL | Kind.REDIS_PAUSE | Kind.CUT_REDIS:
            return ("redis",)
        case Kind.STORM:
            return ("network",)
