"""Use cases around executors on one fake store, and short ways to the tasks they hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from application.scheduling.assignments import Assignments
from application.scheduling.cluster_management import ClusterManagementService
from application.scheduling.forecast import Forecast
from application.scheduling.job_management import JobManagementService
from application.scheduling.job_mapping import JobDefaults
from application.scheduling.job_planning import JobPlanning
from application.scheduling.judge import Judge
from application.scheduling.lanes import Lanes
from application.scheduling.reaper import Reaper
from application.scheduling.report_intake import ReportIntake
from application.scheduling.sessions import Sessions
from application.scheduling.skips import Skips
from application.scheduling.task_control import TaskControlService
from application.scheduling.task_execution import Answer, ClaimWish, TaskExecutionService
from application.shared.draining import Draining
from domain.scheduling.executor import HostInfo, Liveness
from domain.scheduling.ids import TaskId
from domain.scheduling.job_types.built_in import BUILT_IN
from domain.scheduling.placement import Capability
from domain.scheduling.report import Report
from infrastructure.cel_conditions import CelConditions
from tests.builders import CALENDARS, EXECUTOR_ID, MINUTE, capability, uid
from tests.unit.application.fake_exchange import FakeTaskExchange
from tests.unit.application.fake_queues import StoredTask
from tests.unit.application.fake_store import FakeStore
from tests.unit.application.fakes import ANN, CountedIds, FixedDice, GivenBeats, HeardWakeUp, SetClock
from tests.unit.application.noted_metrics import NotedMetrics

INFO = HostInfo(host="host-1", version="0.1.0")
NO_WAIT = timedelta(0)


class Cluster:
    """One node; `now` of the store and the node's clock move together."""

    def __init__(self, store: FakeStore, wake_up: HeardWakeUp, ids: CountedIds) -> None:
        self.store, self.wake_up, self.ids = store, wake_up, ids
        self.clock, self.beats, self.dice = SetClock(), GivenBeats(), FixedDice()
        self.exchange, self.metrics = FakeTaskExchange(store), NotedMetrics()
        self.lanes, self.sessions = Lanes(store.begin, self.clock, wake_up), Sessions(store.begin)
        self.draining = Draining(wake_up)
        self.assignments = Assignments(self.clock)
        planning = JobPlanning(ids, CALENDARS, self.lanes, wake_up, CelConditions())
        self.jobs = JobManagementService(store.begin, ids, BUILT_IN, planning, wake_up, JobDefaults(), self.metrics)
        self.forecast = Forecast(store.begin, CALENDARS, self.clock)
        self.skips = Skips(store.begin, CALENDARS)
        self.execution = TaskExecutionService(
            store.begin,
            self.exchange,
            ReportIntake(self.exchange, self.dice, wake_up, self.metrics),
            self.sessions,
            self.lanes,
            self.assignments,
            ids,
            wake_up,
            self.draining,
            self.metrics,
        )
        self.control = TaskControlService(
            store.begin,
            self.exchange,
            ReportIntake(self.exchange, self.dice, wake_up, self.metrics),
            self.assignments,
            wake_up,
        )
        self.management = ClusterManagementService(
            store.begin, self.exchange, self.sessions, self.lanes, self.beats, Liveness(), ids, wake_up, self.metrics
        )
        self.reaper = self.new_reaper()

    def new_reaper(self) -> Reaper:
        """That of a node that has just started."""
        return Reaper(self.store.begin, self.beats, Liveness(), self.lanes, self.dice, self.wake_up, self.metrics)

    def new_judge(self) -> Judge:
        """That of a node that has just started."""
        conditions = CelConditions()
        return Judge(self.store.begin, self.ids, self.lanes, conditions, BUILT_IN, self.wake_up, self.metrics)

    def pass_time(self, passed: timedelta) -> None:
        self.store.now += passed
        self.clock.time += passed

    async def register(self, instance: UUID = uid(100), offer: Capability | None = None) -> int:  # noqa: B008
        """The epoch of the session that began or went on."""
        registered = await self.management.register(ANN, EXECUTOR_ID, instance, INFO, offer or capability())
        return registered.epoch

    async def claim(self, limit: int = 10, epoch: int = 1, *reports: Report, **wish: Any) -> Answer:
        """Without waiting, each time under a new id."""
        claim = ClaimWish(**{"claim_id": self.ids.new(), "limit": limit, "started": True, **wish})
        return await self.execution.exchange(ANN, EXECUTOR_ID, epoch, reports, claim, NO_WAIT)

    def task(self, id_: TaskId) -> StoredTask:
        return self.store.tables.tasks[id_]

    def give_deadline(self, id_: TaskId, after: timedelta = MINUTE) -> None:
        """Its attempt may take so long from now on."""
        self.store.tables.tasks[id_] = replace(self.task(id_), deadline_at=self.store.now + after)
