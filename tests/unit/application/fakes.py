"""Ids, dice, clock and hints that a test can foretell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from application.scheduling.ports import Heartbeats
from application.shared.clock import Clock
from application.shared.ids import Dice, Ids
from application.shared.principal import Principal
from domain.scheduling.ports.task_queue import Session
from domain.shared.ids import DEFAULT_TENANT
from infrastructure.local.wake_up import LocalWakeUp
from tests.builders import NOON, uid

ANN = Principal(DEFAULT_TENANT, "ann")


class CountedIds(Ids):
    """Ids from 1001 on, in the order they are asked for."""

    def __init__(self) -> None:
        self.last = 1000

    def new(self) -> UUID:
        self.last += 1
        return uid(self.last)


class FixedDice(Dice):
    """Always the same roll; 0.5 leaves every wait as it is."""

    def __init__(self, value: float = 0.5) -> None:
        self.value = value

    def roll(self) -> float:
        return self.value


class SetClock(Clock):
    """Stands still until a test moves it."""

    def __init__(self) -> None:
        self.time = NOON

    def now(self) -> datetime:
        return self.time


class HeardWakeUp(LocalWakeUp):
    """Wakes listeners of this process and remembers every hint."""

    def __init__(self) -> None:
        super().__init__()
        self.hints: list[tuple[str, int | None]] = []

    def signal(self, topic: str, count: int | None = None) -> None:
        self.hints.append((topic, count))
        super().signal(topic, count)

    @property
    def topics(self) -> set[str]:
        return {topic for topic, _ in self.hints}


class GivenBeats(Heartbeats):
    """What a shared memory of heartbeats would know."""

    def __init__(self) -> None:
        self.known: dict[Session, datetime] = {}
        self.unrecorded: dict[Session, datetime] = {}

    async def beat(self, session: Session, at: datetime) -> None:
        self.known[session] = self.unrecorded[session] = at

    async def newest(self, sessions: Sequence[Session]) -> Mapping[Session, datetime]:
        return {session: self.known[session] for session in sessions if session in self.known}

    def take_unrecorded(self) -> Mapping[Session, datetime]:
        taken, self.unrecorded = self.unrecorded, {}
        return taken
