"""The unit of work of scheduling, and the executors' sign of life."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from application.shared.unit_of_work import UnitOfWork
from domain.scheduling.ports.admission_queue import AdmissionQueue
from domain.scheduling.ports.backfill_repository import BackfillRepository
from domain.scheduling.ports.chain_queue import ChainQueue
from domain.scheduling.ports.dead_letter_queue import DeadLetterQueue
from domain.scheduling.ports.executor_repository import ExecutorRepository
from domain.scheduling.ports.graph_book import GraphBook
from domain.scheduling.ports.health_book import HealthBook
from domain.scheduling.ports.job_repository import JobRepository
from domain.scheduling.ports.judgement_queue import JudgementQueue
from domain.scheduling.ports.lane_directory import LaneDirectory
from domain.scheduling.ports.listener_queue import ListenerQueue
from domain.scheduling.ports.run_book import RunBook
from domain.scheduling.ports.run_history import RunHistory
from domain.scheduling.ports.schedule_queue import ScheduleQueue
from domain.scheduling.ports.switch_board import SwitchBoard
from domain.scheduling.ports.task_queue import Session, TaskQueue
from domain.scheduling.ports.task_repository import TaskRepository


class SchedulingWork(UnitOfWork, Protocol):
    """Everything of scheduling that one transaction may change."""

    @property
    @abstractmethod
    def jobs(self) -> JobRepository: ...

    @property
    @abstractmethod
    def schedules(self) -> ScheduleQueue: ...

    @property
    @abstractmethod
    def chains(self) -> ChainQueue: ...

    @property
    @abstractmethod
    def listeners(self) -> ListenerQueue: ...

    @property
    @abstractmethod
    def graph(self) -> GraphBook: ...

    @property
    @abstractmethod
    def judgements(self) -> JudgementQueue: ...

    @property
    @abstractmethod
    def runs(self) -> RunBook: ...

    @property
    @abstractmethod
    def backfills(self) -> BackfillRepository: ...

    @property
    @abstractmethod
    def health(self) -> HealthBook: ...

    @property
    @abstractmethod
    def run_history(self) -> RunHistory: ...

    @property
    @abstractmethod
    def tasks(self) -> TaskRepository: ...

    @property
    @abstractmethod
    def queue(self) -> TaskQueue: ...

    @property
    @abstractmethod
    def admissions(self) -> AdmissionQueue: ...

    @property
    @abstractmethod
    def dead(self) -> DeadLetterQueue: ...

    @property
    @abstractmethod
    def executors(self) -> ExecutorRepository: ...

    @property
    @abstractmethod
    def switches(self) -> SwitchBoard: ...

    @property
    @abstractmethod
    def lanes(self) -> LaneDirectory: ...


BeginWork = Callable[[], SchedulingWork]


class Heartbeats(Protocol):
    """The freshest beats, before the store has them. They may spare a session, never condemn one."""

    @abstractmethod
    async def beat(self, session: Session, at: datetime) -> None:
        """The session is alive."""

    @abstractmethod
    async def newest(self, sessions: Sequence[Session]) -> Mapping[Session, datetime]:
        """The last known beats of these; unknown ones are left out."""

    @abstractmethod
    def take_unrecorded(self) -> Mapping[Session, datetime]:
        """The beats this process has received and not yet brought to the store."""
