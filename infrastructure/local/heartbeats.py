"""Heartbeats within one process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from application.scheduling.ports import Heartbeats
from domain.scheduling.ports.task_queue import Session


class LocalHeartbeats(Heartbeats):
    """Remembers the last beat of each executor's latest session."""

    def __init__(self) -> None:
        self._newest: dict[str, tuple[Session, datetime]] = {}
        self._unrecorded: dict[Session, datetime] = {}

    async def beat(self, session: Session, at: datetime) -> None:
        self._newest[session.executor_id] = (session, at)
        self._unrecorded[session] = at

    async def newest(self, sessions: Sequence[Session]) -> Mapping[Session, datetime]:
        found = (self._newest.get(session.executor_id) for session in sessions)
        wanted = set(sessions)
        return {session: at for session, at in filter(None, found) if session in wanted}

    def take_unrecorded(self) -> Mapping[Session, datetime]:
        beats, self._unrecorded = self._unrecorded, {}
        return beats
