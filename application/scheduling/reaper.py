"""What has gone on for too long ends: silent sessions, overdue attempts and tasks, stops that nobody confirms."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta

from application.scheduling.cluster_management import give_back
from application.scheduling.lanes import Lanes
from application.scheduling.metrics import UNCOUNTED, Metrics
from application.scheduling.ports import BeginWork, Heartbeats
from application.shared.errors import StoreUnavailable
from application.shared.ids import Dice
from application.shared.wake_up import JUDGEMENTS, LANES, OPENINGS, WakeUp, executor_topic, lane_topic, task_topic
from domain.scheduling.executor import Executor, Liveness
from domain.scheduling.ports.task_queue import Session
from domain.scheduling.settlement import Settlement, lose, overdue
from domain.scheduling.task_status import TaskStatus

log = logging.getLogger(__name__)

BATCH = 500


class Reaper:
    """All nodes may run it at once: rows that another holds are skipped, and every end is guarded by its token."""

    def __init__(
        self,
        begin: BeginWork,
        heartbeats: Heartbeats,
        liveness: Liveness,
        lanes: Lanes,
        dice: Dice,
        wake_up: WakeUp,
        metrics: Metrics = UNCOUNTED,
    ) -> None:
        self._begin = begin
        self._heartbeats = heartbeats
        self._liveness = liveness
        self._lanes = lanes
        self._dice = dice
        self._wake_up = wake_up
        self._metrics = metrics
        self._watching_since: datetime | None = None

    async def tick(self) -> None:
        """One look at everything."""
        try:
            await self._end_overdue()
            await self.end_silent()
        except StoreUnavailable:
            self._watching_since = None
            raise

    async def _end_overdue(self) -> None:
        async with self._begin() as work:
            released = await work.queue.let_go_expired(work.now, BATCH)
            attempts = await work.queue.take_overdue(work.now, BATCH)
            ends = [overdue(a, work.now, self._dice.roll()) for a in attempts]
            abandoned = await work.queue.take_abandoned(BATCH)
            ends += [lose(a, "its executor's session had ended", work.now) for a in abandoned]
            await work.queue.settle(ends)
            given_up = await work.queue.time_out_waiting(work.now, BATCH)
            if released or ends or given_up:
                await work.commit()
        self._metrics.settled([*(end.status for end in ends), *(TaskStatus.TIMEOUT for _ in given_up)])
        for task_id in given_up:
            log.warning("task %s waited for too long", task_id)
            self._wake_up.signal(task_topic(task_id))
        for attempt in attempts:
            log.warning("task %s attempt %d took too long", attempt.task_id, attempt.number)
            self._wake_up.signal(task_topic(attempt.task_id))
            if attempt.executor_id is not None:
                self._wake_up.signal(executor_topic(attempt.executor_id))
        if released or ends:
            self._wake_up.signal(OPENINGS)
        if released or ends or given_up:
            self._wake_up.signal(JUDGEMENTS)
        if abandoned:
            self._wake_up.signal(LANES)  # they stand in lanes again, and who served those is not at hand

    async def end_silent(self, timeout: timedelta | None = None) -> int:
        """End the sessions that have been silent for longer than the timeout; how many.

        A node condemns nobody until it has watched for one timeout: after its start, or after it lost the store.
        Raises `Invalid` for a timeout that is shorter than the configured one.
        """
        timeout = self._liveness.allowed(timeout)
        async with self._begin() as work:
            if self._watching_since is None:
                self._watching_since = work.now
            since = work.now - timeout
            if self._watching_since > work.now - self._liveness.timeout:
                return 0
            silent = await work.executors.take_silent(since, BATCH)
            newest = await self._heartbeats.newest([_session(e) for e in silent]) if silent else {}
            dead = [e for e in silent if not _spared(e, newest, since)]
            ends: list[Settlement] = []
            for executor in dead:
                executor.lose(executor.last_heartbeat_at, work.now)
                lost = await give_back(work, _session(executor), "its executor was lost")
                await work.executors.save(executor)
                ends += lost
                log.warning(
                    "executor %s is lost (%s); %d tasks go back", executor.id, executor.status_reason, len(lost)
                )
            if dead:
                await work.commit()
        self._metrics.settled([end.status for end in ends])
        if ends:
            self._wake_up.signal(OPENINGS)
        for executor in dead:
            for lane in await self._lanes.served_by(executor.tenant, executor.capability, executor.id):
                self._wake_up.signal(lane_topic(lane))
        return len(dead)


def _session(executor: Executor) -> Session:
    return Session(executor_id=executor.id, epoch=executor.epoch)


def _spared(executor: Executor, newest: Mapping[Session, datetime], since: datetime) -> bool:
    beat = newest.get(_session(executor))
    return beat is not None and beat > since
