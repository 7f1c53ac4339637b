"""What nodes share besides the store: the freshest heartbeats, and hints. It may forget, be away, and lose messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from random import Random

from application.shared.wake_up import is_of_this_process
from domain.scheduling.ports.task_queue import Session
from infrastructure.local.heartbeats import LocalHeartbeats
from infrastructure.local.wake_up import LocalWakeUp
from tests.simulation.loop import Process, VirtualLoop

LULL = 0.02
"""Seconds at most until others know of a beat or a hint."""


class SharedMemory:
    """One for all nodes."""

    def __init__(self, loop: VirtualLoop, random: Random) -> None:
        self.loop, self.random = loop, random
        self.is_away = False
        self.loss = 0.0
        self.beats: dict[Session, datetime] = {}
        self.ears: list[tuple[Process, SharedWakeUp]] = []

    def forget(self) -> None:
        """It was started anew, empty."""
        self.beats.clear()

    def beat(self, session: Session, at: datetime) -> None:
        if not self.is_away:
            self.beats[session] = max(at, self.beats.get(session, at))

    def publish(self, sender: SharedWakeUp, topic: str, count: int | None) -> None:
        """Others hear of it in a while."""
        if self.is_away:
            return
        for process, ear in self.ears:
            if ear is not sender and not process.is_dead and self.random.random() >= self.loss:
                delay = self.random.uniform(0, LULL)
                self.loop.call_later(delay, ear.heard, topic, count, context=process.context)


class SharedHeartbeats(LocalHeartbeats):
    """Of one node: what it hears is known to the others a moment later."""

    def __init__(self, memory: SharedMemory) -> None:
        super().__init__()
        self._memory = memory

    async def beat(self, session: Session, at: datetime) -> None:
        await super().beat(session, at)
        self._memory.loop.call_later(self._memory.random.uniform(0, LULL), self._memory.beat, session, at)

    async def newest(self, sessions: Sequence[Session]) -> Mapping[Session, datetime]:
        here = await super().newest(sessions)
        if self._memory.is_away:
            return here
        there = {session: at for session in sessions if (at := self._memory.beats.get(session)) is not None}
        known = [session for session in sessions if session in here or session in there]
        return {s: max(at for at in (here.get(s), there.get(s)) if at is not None) for s in known}


class SharedWakeUp(LocalWakeUp):
    """Of one node: hints for all go to all, and those for a few to other nodes if nobody here takes them."""

    def __init__(self, memory: SharedMemory, process: Process) -> None:
        super().__init__()
        self._memory = memory
        memory.ears.append((process, self))

    def signal(self, topic: str, count: int | None = None) -> None:
        super().signal(topic, count)
        if count is None and not is_of_this_process(topic):
            self._memory.publish(self, topic, None)

    def _left_over(self, topic: str, count: int) -> None:
        if not is_of_this_process(topic):
            self._memory.publish(self, topic, count)

    def heard(self, topic: str, count: int | None) -> None:
        """From another node."""
        if count is None:
            self._wake_all(topic)
        else:
            self._wake(topic, count, is_ours=False)
