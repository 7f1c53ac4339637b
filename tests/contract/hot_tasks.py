"""A store with jobs, executors and tasks, for the tests of the hot path."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec
import sqlalchemy as sa

from domain.scheduling.executor import Executor, HostInfo
from domain.scheduling.ids import ExecutorId, JobId, LaneId, RunId, TaskId
from domain.scheduling.job import Job
from domain.scheduling.placement import Capability
from domain.scheduling.ports.task_exchange import Claim, ClaimedTask, Lease
from domain.scheduling.ports.task_queue import Session
from domain.scheduling.settlement import Settlement
from domain.scheduling.task import NewTask, Origin, TaskError
from domain.scheduling.task_status import TaskStatus
from domain.shared.ids import DEFAULT_TENANT
from infrastructure.ids import TimeOrderedIds
from infrastructure.sql.engine import Store
from infrastructure.sql.scheduling.tables import outbox
from infrastructure.sql.scheduling.task_exchange import SqlTaskExchange
from infrastructure.sql.scheduling.task_tables import task_history, tasks
from infrastructure.sql.scheduling.work import SqlSchedulingWork
from tests.contract.builders import add_job, rows

Begin = Callable[[], SqlSchedulingWork]

FIRST_LANE = LaneId(1)
"""The lane of every job that says nothing about where it runs."""

FLAKY = TaskError("FLAKY", "it works sometimes", stack="line 1")

_COMMANDS = Capability(types=frozenset({"COMMAND"}))
_HERE = HostInfo(host="h", version="1")
_IDS = TimeOrderedIds()


def wish(
    limit: int = 1,
    *lanes: int,
    started: bool = True,
    claim_id: UUID | None = None,
    own: Sequence[int] = (),
    slots: int = 10_000,
) -> Claim:
    """A claim of at most `limit` tasks, of the first lane unless others are named."""
    wanted = [LaneId(lane) for lane in lanes] or [FIRST_LANE]
    mine = frozenset(LaneId(lane) for lane in own)
    return Claim(claim_id=claim_id or uuid4(), lanes=wanted, own=mine, limit=limit, slots=slots, started=started)


def ended(lease: Lease, status: TaskStatus = TaskStatus.COMPLETED, **fields: Any) -> Settlement:
    """The end of an attempt."""
    return Settlement(task_id=lease[0], token=lease[1], status=status, **fields)


def leases(claimed: Sequence[ClaimedTask]) -> list[Lease]:
    """Under which tokens these were handed out."""
    return [(task.id, task.token) for task in claimed]


def new_task(job_id: JobId, at: datetime, **fields: Any) -> NewTask:
    """A task to be created, ready at `at`."""
    id_ = _IDS.new()
    given: dict[str, Any] = {
        "id": TaskId(id_), "job_id": job_id, "job_version": 1, "run_id": RunId(id_), "origin": Origin.SCHEDULE,
        "fire_key": None, "nominal_at": None, "scheduled_time": at, "gate": None,
    }  # fmt: skip
    return NewTask(**{**given, **fields})


class HotTasks:
    """What the tests say in one line each; `exchange` is the adapter under test."""

    def __init__(self, store: Store, begin: Begin) -> None:
        self.store, self.begin = store, begin
        self.exchange = SqlTaskExchange(store)

    async def job(self, name: str = "backup", **definition: Any) -> Job:
        """A committed job."""
        return await add_job(self.begin, name, **definition)

    async def session(self, name: str = "e1") -> Session:
        """A session of an executor that may claim; another one of the same executor supersedes it."""
        async with self.begin() as work:
            executor = await work.executors.find(DEFAULT_TENANT, ExecutorId(name))
            if executor is None:
                executor = Executor.register(ExecutorId(name), DEFAULT_TENANT, uuid4(), _HERE, _COMMANDS, work.now)
            else:
                executor.register_again(uuid4(), _HERE, _COMMANDS, work.now)
            await work.executors.save(executor)
            await work.commit()
        return Session(executor_id=executor.id, epoch=executor.epoch)

    async def add(self, job: Job, count: int = 1, *, after: timedelta = timedelta(0), **fields: Any) -> list[TaskId]:
        """So many tasks of the job, scheduled for now or for `after` so long; a negative one is in the past."""
        async with self.begin() as work:
            new = [new_task(job.id, work.now + after, **fields) for _ in range(count)]
            await work.queue.add(new)
            await work.commit()
        return [task.id for task in new]

    async def claim(self, session: Session, limit: int = 1, *lanes: int, **wishes: Any) -> Sequence[ClaimedTask]:
        """What the session is handed out."""
        return (await self.exchange.exchange(session, (), wish(limit, *lanes, **wishes))).claimed

    async def running(self, session: Session, count: int = 1, job: Job | None = None, **wishes: Any) -> list[Lease]:
        """New tasks in the hands of the session, of a new job unless one is given."""
        await self.add(job or await self.job(f"job-{_IDS.new()}"), count)
        return leases(await self.claim(session, count, **wishes))

    async def settle(self, session: Session, *settlements: Settlement) -> frozenset[TaskId]:
        """Which of these took effect."""
        return (await self.exchange.exchange(session, settlements, None)).applied

    async def live(self, task_id: TaskId) -> sa.Row[Any]:
        """The row of a live task."""
        (row,) = await rows(self.store, tasks, tasks.c.id == task_id)
        return row

    async def history(self, task_id: TaskId) -> sa.Row[Any]:
        """The one row of a task that has ended and is not alive any more."""
        (row,) = await rows(self.store, task_history, task_history.c.id == task_id)
        assert not await rows(self.store, tasks, tasks.c.id == task_id)
        return row

    async def count(self, table: sa.Table) -> Counter[str]:
        """How many tasks of each status."""
        return Counter(row.status for row in await rows(self.store, table))

    async def events(self, *types: str) -> list[dict[str, Any]]:
        """What has been told, in order, of these types."""
        told = [event for row in await rows(self.store, outbox) for event in msgspec.json.decode(row.events)]
        return [event for event in told if event["type"] in types]

    async def put(self, task_id: TaskId, **values: Any) -> None:
        """Write into the row of a live task, where a test needs what no call brings about."""
        await self.put_all([{"id": task_id, **values}])

    async def put_all(self, changes: Sequence[Mapping[str, Any]]) -> None:
        """Write into several rows; each change has an `id` and the same columns."""
        columns: dict[str, Any] = {name: sa.bindparam(f"b_{name}") for name in changes[0]}
        change = sa.update(tasks).where(tasks.c.id == columns.pop("id")).values(columns)
        async with self.store.engine.begin() as connection:
            await connection.execute(change, [{f"b_{name}": v for name, v in row.items()} for row in changes])
