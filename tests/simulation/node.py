"""A node: the use cases and loops of the product, as the server wires them, on what the world gives it."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

from application.scheduling.admitter import Admitter
from application.scheduling.assignments import Assignments
from application.scheduling.beat_recorder import BeatRecorder
from application.scheduling.cluster_management import ClusterManagementService
from application.scheduling.follower import Follower
from application.scheduling.job_management import JobManagementService
from application.scheduling.job_mapping import JobDefaults
from application.scheduling.job_planning import JobPlanning
from application.scheduling.lanes import Lanes
from application.scheduling.planner import Planner
from application.scheduling.reaper import Reaper
from application.scheduling.report_intake import ReportIntake
from application.scheduling.sessions import Sessions
from application.scheduling.switches import Switches
from application.scheduling.task_control import TaskControlService
from application.scheduling.task_execution import TaskExecutionService
from application.shared.clock import Clock
from application.shared.draining import Draining
from domain.scheduling.executor import Liveness
from domain.scheduling.job_types.built_in import BUILT_IN
from infrastructure.cel_conditions import CelConditions
from interfaces.loops.admitter import admitter_loop
from interfaces.loops.follower import follower_loop
from interfaces.loops.heartbeats import heartbeats_loop
from interfaces.loops.looper import Looper
from interfaces.loops.planner import planner_loop
from interfaces.loops.reaper import reaper_loop
from tests.builders import CALENDARS
from tests.simulation.chance import SeededDice, SeededIds
from tests.simulation.loop import Process, VirtualLoop
from tests.simulation.shared_memory import SharedHeartbeats, SharedMemory, SharedWakeUp
from tests.simulation.store.database import Database
from tests.simulation.store.task_exchange import MemoryTaskExchange
from tests.simulation.store.work import MemorySchedulingWork

_CONDITIONS = CelConditions()


class SkewedClock(Clock):
    """That of a process."""

    def __init__(self, loop: VirtualLoop, process: Process) -> None:
        self._loop, self._process = loop, process

    def now(self) -> datetime:
        return self._loop.now + self._process.skew


class Node:
    """Runs every loop, and answers executors and clients."""

    def __init__(
        self,
        loop: VirtualLoop,
        database: Database,
        memory: SharedMemory,
        liveness: Liveness,
        name: str,
        skew: timedelta,
        seed: int,
    ) -> None:
        self.name = name
        self.process = Process(name, skew)
        clock = SkewedClock(loop, self.process)
        ids, dice = SeededIds(loop, Random(seed)), SeededDice(Random(seed + 1))
        wake_up, beats = SharedWakeUp(memory, self.process), SharedHeartbeats(memory)

        def begin() -> MemorySchedulingWork:
            return MemorySchedulingWork(database)

        exchange, sessions = MemoryTaskExchange(database), Sessions(begin)
        lanes, assignments = Lanes(begin, clock, wake_up), Assignments(clock)
        switches, intake = Switches(begin, clock, wake_up), ReportIntake(exchange, dice, wake_up)
        planning = JobPlanning(ids, CALENDARS, lanes, wake_up, _CONDITIONS)
        self.jobs = JobManagementService(begin, ids, BUILT_IN, planning, wake_up, JobDefaults())
        self.cluster = ClusterManagementService(begin, exchange, sessions, lanes, beats, liveness, ids, wake_up)
        self.control = TaskControlService(begin, exchange, intake, assignments, wake_up)
        draining = Draining(wake_up)
        self.tasks = TaskExecutionService(
            begin, exchange, intake, sessions, lanes, assignments, ids, wake_up, draining, stops=switches
        )
        self.loops: list[Looper] = [
            planner_loop(Planner(begin, ids, CALENDARS, wake_up, stops=switches), wake_up),
            follower_loop(Follower(begin, wake_up), wake_up),
            admitter_loop(Admitter(begin, wake_up), wake_up),
            reaper_loop(Reaper(begin, beats, liveness, lanes, dice, wake_up), wake_up),
            heartbeats_loop(BeatRecorder(begin, beats), wake_up),
        ]

    def start(self) -> None:
        for each in self.loops:
            self.process.context.run(each.start)

    @property
    def is_well(self) -> bool:
        """Whether all its loops have done lately what they have to do."""
        return all((owed := each.overdue_seconds) is not None and owed < 5 for each in self.loops)
