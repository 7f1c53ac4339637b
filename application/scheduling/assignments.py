"""When it is worth asking whether an executor has tasks that were assigned to it by name."""

from __future__ import annotations

from datetime import datetime, timedelta

from application.shared.clock import Clock
from domain.scheduling.ids import ExecutorId

RECHECK = timedelta(seconds=5)
"""How long an assignment that another node made may stay unknown here."""

MOST = 10_000
"""Executors remembered; beyond that all are forgotten, and asked about once more."""


class Assignments:
    """Few tasks are assigned by name, so that claims shall not pay for them: they ask when told to, or now and then."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._looked: dict[ExecutorId, datetime] = {}

    def made(self, executor_id: ExecutorId) -> None:
        """This process has assigned something to it."""
        self._looked.pop(executor_id, None)

    def is_worth_a_look(self, executor_id: ExecutorId) -> bool:
        """Whether to ask the store now; that counts as having asked."""
        now = self._clock.now()
        looked = self._looked.get(executor_id)
        if looked is not None and now - looked < RECHECK:
            return False
        if len(self._looked) >= MOST:
            self._looked.clear()
        self._looked[executor_id] = now
        return True
