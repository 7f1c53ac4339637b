"""After a task has ended, what depends on it goes on or is skipped."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta

from application.scheduling.cases import Cases
from application.scheduling.judge_sheet import JudgeSheet
from application.scheduling.lanes import Lanes
from application.scheduling.metrics import UNCOUNTED, Metrics
from application.scheduling.ports import BeginWork, SchedulingWork
from application.scheduling.recording import write_up
from application.shared.errors import StoreUnavailable
from application.shared.ids import Ids
from application.shared.wake_up import JUDGEMENTS, OPENINGS, PLANNER, WakeUp, lane_topic, task_topic
from domain.scheduling.ids import LaneId
from domain.scheduling.job_type import JobTypes
from domain.scheduling.job_types.built_in import WORKFLOW
from domain.scheduling.ports.conditions import Conditions
from domain.scheduling.task import Origin
from domain.scheduling.task_status import TaskStatus

log = logging.getLogger(__name__)

LARGEST_BATCH = 1_000
"""Judgements in one transaction. A job that waits for several is often named by several of them, and judged once."""

AT_ONCE = timedelta(0)


class Judge:
    """Any number of them may run at once: the rows of the schedules keep them apart, as they do the planners."""

    def __init__(
        self,
        begin: BeginWork,
        ids: Ids,
        lanes: Lanes,
        conditions: Conditions,
        types: JobTypes,
        wake_up: WakeUp,
        metrics: Metrics = UNCOUNTED,
    ) -> None:
        self._begin = begin
        self._ids = ids
        self._lanes = lanes
        self._wake_up = wake_up
        self._metrics = metrics
        self._cases = Cases(conditions)
        self._types = types
        self._batch = LARGEST_BATCH
        self._topics = [JUDGEMENTS]

    def topics(self) -> Sequence[str]:
        """What to listen to while waiting for the next `tick`."""
        return self._topics

    async def tick(self) -> timedelta | None:
        """Judge all there is; how long until a task has waited as long as it may, None if none waits."""
        await self._lanes.refresh()
        numbers = self._lanes.of_type(WORKFLOW.name)
        topics = [JUDGEMENTS, *map(lane_topic, numbers)]
        while await self._complete_workflows(numbers) or await self._judge_batch():
            pass
        if topics != self._topics:
            self._topics = topics
            return AT_ONCE  # what came between this look and the first moment of listening would be missed
        async with self._begin() as work:
            following = await work.judgements.next_timeout()
            return None if following is None else max(following - work.now, AT_ONCE)

    async def _complete_workflows(self, lanes: Sequence[LaneId]) -> bool:
        if not lanes:
            return False
        async with self._begin() as work:
            completed = await work.judgements.complete_workflows(LARGEST_BATCH)
            if completed:
                await work.commit()
        self._metrics.settled([TaskStatus.COMPLETED for _ in completed])
        for task_id in completed:
            self._wake_up.signal(task_topic(task_id))
        return bool(completed)

    async def _judge_batch(self) -> bool:
        """Whether there was anything to judge."""
        try:
            async with self._begin() as work:
                told = await work.judgements.take(self._batch)
                overdue = await work.judgements.overdue(work.now, self._batch)
                if not told and not overdue:
                    return False
                cases = await self._cases.of(work, told, overdue)
                sheet = JudgeSheet(work.now, self._types)
                for case in cases:
                    sheet.enter(case)
                await self._write(work, sheet)
        except StoreUnavailable:
            raise
        except Exception as error:
            await self._narrow(error)
            return True
        self._batch = min(LARGEST_BATCH, self._batch * 2)
        return True

    async def _write(self, work: SchedulingWork, sheet: JudgeSheet) -> None:
        firings = sheet.firings
        written = write_up(firings, self._ids, work.now)
        if written.fired.occurrences:
            await work.schedules.record(written.fired)
            work.record(written.events)
        created = {(task.job_id, task.fire_key or ""): task.id for task in written.fired.tasks}
        conclusions = sheet.conclusions(created)
        await work.judgements.conclude(conclusions)
        released = await work.judgements.release(sheet.released)
        await work.commit()
        self._metrics.created(Origin.DEPENDENCY, len(created))
        self._metrics.settled([c.status for c in conclusions])
        for lane, count in [*written.lanes.items(), *released.items()]:
            self._wake_up.signal(lane_topic(lane), count)
        for conclusion in conclusions:
            self._wake_up.signal(task_topic(conclusion.task_id))
        if sheet.released or created:
            self._wake_up.signal(OPENINGS)
        if firings:
            self._wake_up.signal(PLANNER)

    async def _narrow(self, error: Exception) -> None:
        """A batch that cannot be judged is tried again by halves; the one that cannot be judged alone is given up."""
        if self._batch > 1:
            self._batch //= 2
            log.warning("judgements could not be written (%s); trying %d", error, self._batch)
            return
        log.error("a judgement cannot be written and is given up", exc_info=error)
        async with self._begin() as work:
            if not await work.judgements.take(1):
                raise error
            await work.commit()
