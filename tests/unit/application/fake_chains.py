"""Schedules that await the end of a run, on the dictionaries of the fake store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from domain.scheduling.ids import TaskId
from domain.scheduling.ports.chain_queue import ChainQueue

if TYPE_CHECKING:
    from tests.unit.application.fake_store import Tables


class FakeChainQueue(ChainQueue):
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def go_on(self, now: datetime, limit: int) -> int:
        gone_on = 0
        for schedule in list(self._tables.schedules.values()):
            if schedule.awaited is None or gone_on == limit:
                continue
            task = self._tables.tasks.get(schedule.awaited)
            if task is None or not task.is_live:
                state = replace(schedule.state, last_end=now if task is None else task.ended_at)
                self._tables.schedules[schedule.job_id] = replace(schedule, state=state, awaited=None)
                gone_on += 1
        return gone_on

    async def awaited(self, limit: int) -> Sequence[TaskId]:
        return [s.awaited for s in self._tables.schedules.values() if s.awaited is not None][:limit]
