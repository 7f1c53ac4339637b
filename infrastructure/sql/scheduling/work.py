"""The unit of work of scheduling on a database."""

from __future__ import annotations

from functools import cached_property

from application.scheduling.ports import SchedulingWork
from infrastructure.sql.engine import Store
from infrastructure.sql.scheduling.admission_queue import SqlAdmissionQueue
from infrastructure.sql.scheduling.backfill_repository import SqlBackfillRepository
from infrastructure.sql.scheduling.chain_queue import SqlChainQueue
from infrastructure.sql.scheduling.dead_letter_queue import SqlDeadLetterQueue
from infrastructure.sql.scheduling.executor_repository import SqlExecutorRepository
from infrastructure.sql.scheduling.graph_book import SqlGraphBook
from infrastructure.sql.scheduling.health_book import SqlHealthBook
from infrastructure.sql.scheduling.job_repository import SqlJobRepository
from infrastructure.sql.scheduling.judgement_queue import SqlJudgementQueue
from infrastructure.sql.scheduling.lane_directory import SqlLaneDirectory
from infrastructure.sql.scheduling.listener_queue import SqlListenerQueue
from infrastructure.sql.scheduling.run_book import SqlRunBook
from infrastructure.sql.scheduling.run_history import SqlRunHistory
from infrastructure.sql.scheduling.schedule_queue import SqlScheduleQueue
from infrastructure.sql.scheduling.switch_board import SqlSwitchBoard
from infrastructure.sql.scheduling.task_queue import SqlTaskQueue
from infrastructure.sql.scheduling.task_repository import SqlTaskRepository
from infrastructure.sql.unit_of_work import SqlUnitOfWork


class SqlSchedulingWork(SqlUnitOfWork, SchedulingWork):
    """One transaction. `tzdata_version` names the zone data of this process."""

    def __init__(self, store: Store, tzdata_version: str) -> None:
        super().__init__(store, context="scheduling")
        self._tzdata_version = tzdata_version

    @cached_property
    def jobs(self) -> SqlJobRepository:
        return SqlJobRepository(self, self.lanes)

    @cached_property
    def schedules(self) -> SqlScheduleQueue:
        return SqlScheduleQueue(self, self._tzdata_version)

    @cached_property
    def chains(self) -> SqlChainQueue:
        return SqlChainQueue(self)

    @cached_property
    def listeners(self) -> SqlListenerQueue:
        return SqlListenerQueue(self)

    @cached_property
    def graph(self) -> SqlGraphBook:
        return SqlGraphBook(self)

    @cached_property
    def backfills(self) -> SqlBackfillRepository:
        return SqlBackfillRepository(self)

    @cached_property
    def health(self) -> SqlHealthBook:
        return SqlHealthBook(self)

    @cached_property
    def run_history(self) -> SqlRunHistory:
        return SqlRunHistory(self)

    @cached_property
    def judgements(self) -> SqlJudgementQueue:
        return SqlJudgementQueue(self)

    @cached_property
    def runs(self) -> SqlRunBook:
        return SqlRunBook(self)

    @cached_property
    def tasks(self) -> SqlTaskRepository:
        return SqlTaskRepository(self)

    @cached_property
    def queue(self) -> SqlTaskQueue:
        return SqlTaskQueue(self)

    @cached_property
    def admissions(self) -> SqlAdmissionQueue:
        return SqlAdmissionQueue(self)

    @cached_property
    def dead(self) -> SqlDeadLetterQueue:
        return SqlDeadLetterQueue(self)

    @cached_property
    def executors(self) -> SqlExecutorRepository:
        return SqlExecutorRepository(self)

    @cached_property
    def switches(self) -> SqlSwitchBoard:
        return SqlSwitchBoard(self)

    @cached_property
    def lanes(self) -> SqlLaneDirectory:
        return SqlLaneDirectory(self)
