"""Heartbeats reach the store: those of a second as one statement."""

from __future__ import annotations

from datetime import datetime

from application.scheduling.ports import BeginWork, Heartbeats
from domain.scheduling.ports.task_queue import Session


class BeatRecorder:
    """Of the process that heard them. What the store does not take is brought again."""

    def __init__(self, begin: BeginWork, heartbeats: Heartbeats) -> None:
        self._begin = begin
        self._heartbeats = heartbeats
        self._owed: dict[Session, datetime] = {}

    async def tick(self) -> None:
        """Bring what was heard since the last time."""
        self._owed |= self._heartbeats.take_unrecorded()
        if self._owed:
            async with self._begin() as work:
                await work.executors.record_beats(self._owed)
                await work.commit()
            self._owed = {}
