"""What is done to the world, when and for how long, and the bad luck that lies over all of it: drawn from the seed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from random import Random

KINDS = (
    "kill-node",
    "pause-node",
    "step-clock",
    "kill-executor",
    "restart-executor",
    "pause-executor",
    "cut-network",
    "postgres-away",
    "cut-postgres",
    "redis-away",
    "redis-forgets",
)
PAUSES = (0.5, 2.0, 6.0, 12.0, 25.0)
"""Seconds; executors count as lost after eight."""


@dataclass(frozen=True, slots=True)
class Step:
    """From `at`, for so long, both in seconds."""

    at: float
    kind: str
    lasts: float
    target: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Luck:
    """Chances of each call and statement, and how long they take. `skews`: the nodes' clocks are off."""

    lost_calls: float = 0.0
    doubled_calls: float = 0.0
    slowest_call: float = 0.005
    lost_statements: float = 0.0
    lost_commits: float = 0.0
    slowest_statement: float = 0.004
    lost_hints: float = 0.0
    skews: tuple[timedelta, ...] = ()


@dataclass(frozen=True, slots=True)
class Trouble:
    """Of one world."""

    nodes: int
    executors: int
    liars: int
    seconds: float
    luck: Luck
    steps: tuple[Step, ...]

    @property
    def is_calm(self) -> bool:
        return not self.steps


def drawn(random: Random) -> Trouble:
    """One world in ten has none. Of the others each has some kinds of it, often, rather than all of them, seldom."""
    nodes, executors, seconds = random.randint(1, 4), random.randint(2, 4), random.uniform(25, 60)
    if random.random() < 0.1:
        return Trouble(nodes, executors, 0, seconds, Luck(), ())
    kinds = random.sample(KINDS, random.randint(2, 6))
    steps = []
    at = random.uniform(1, 5)
    while at < seconds:
        kind = random.choice(kinds)
        lasts = random.choice(PAUSES) * random.uniform(0.7, 1.3)
        steps.append(Step(at, kind, lasts, random.randrange(12)))
        at += random.uniform(0.5, 8)
    return Trouble(nodes, executors, random.randint(0, 1), seconds, _luck(random, nodes), tuple(steps))


def _luck(random: Random, nodes: int) -> Luck:
    hour = timedelta(hours=1)
    return Luck(
        lost_calls=random.choice((0, 0, 0.02, 0.05, 0.15)),
        doubled_calls=random.choice((0, 0.02, 0.1)),
        slowest_call=random.choice((0.005, 0.05, 1.0)),
        lost_statements=random.choice((0, 0, 0.002, 0.01)),
        lost_commits=random.choice((0, 0, 0.01, 0.03)),
        slowest_statement=random.choice((0.002, 0.02, 0.2)),
        lost_hints=random.choice((0, 0.2, 1.0)),
        skews=tuple(random.choice((0, 0, 1, -1)) * random.random() * hour for _ in range(nodes)),
    )
