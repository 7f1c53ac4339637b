"""Whatever ends an attempt at the same moment, one of them does, and the slot is freed once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest
import sqlalchemy as sa

from domain.scheduling.errors import IllegalTransition, TaskNotFound
from domain.scheduling.ports.task_exchange import Lease
from domain.scheduling.ports.task_queue import Session
from domain.scheduling.settlement import EXECUTION_TIMEOUT, lose, time_out
from domain.scheduling.task import TaskError
from domain.scheduling.task_status import TaskStatus
from domain.shared.errors import Conflict
from domain.shared.ids import DEFAULT_TENANT
from infrastructure.sql.engine import Store
from infrastructure.sql.scheduling.task_tables import task_history, tasks
from tests.contract.builders import rows
from tests.contract.hot_tasks import FLAKY, Begin, HotTasks, ended

TASKS = 12
SLOTS = 12
TOO_LONG = TaskError(EXECUTION_TIMEOUT, "it took too long")

End = Callable[[HotTasks, Session, Sequence[Lease]], Coroutine[Any, Any, object]]


@pytest.fixture
def hot(store: Store, begin: Begin) -> HotTasks:
    return HotTasks(store, begin)


async def report_all(hot: HotTasks, session: Session, leases: Sequence[Lease]) -> None:
    for n, lease in enumerate(leases):
        end = ended(lease) if n % 2 else ended(lease, TaskStatus.FAILED, error=FLAKY)
        await hot.exchange.exchange(session, [end], None)


async def cancel_all(hot: HotTasks, session: Session, leases: Sequence[Lease]) -> None:
    for task_id, _ in reversed(leases):
        try:
            async with hot.begin() as work:
                task = await work.tasks.get(DEFAULT_TENANT, task_id)
                task.cancel("enough", work.now)
                await work.tasks.save(task)
                await work.commit()
        except (IllegalTransition, TaskNotFound, Conflict):
            continue  # it had ended, or was just ending
        await hot.exchange.stopped(session, [(task_id, token) for id_, token in leases if id_ == task_id])


async def time_out_all(hot: HotTasks, session: Session, leases: Sequence[Lease]) -> None:
    async with hot.begin() as work:
        held = await work.queue.take_held(session)
        await work.queue.settle([time_out(attempt, TOO_LONG, work.now, 0.5) for attempt in held])
        await work.commit()
    await hot.exchange.stopped(session, leases)


async def lose_all(hot: HotTasks, session: Session, leases: Sequence[Lease]) -> None:
    async with hot.begin() as work:
        await work.queue.let_go(session)
        held = await work.queue.take_held(session)
        await work.queue.settle([lose(attempt, "its executor was lost", work.now) for attempt in held])
        await work.commit()


RACES: dict[str, tuple[End, ...]] = {
    "cancel, report": (cancel_all, report_all),
    "cancel, lost executor": (cancel_all, lose_all),
    "cancel, timeout": (cancel_all, time_out_all),
    "all": (report_all, cancel_all, time_out_all, lose_all),
}


@pytest.mark.parametrize("race", RACES)
async def test_each_attempt_ends_once_and_its_slot_is_free(hot: HotTasks, race: str) -> None:
    session = await hot.session()
    leases = await hot.running(session, TASKS)
    await asyncio.gather(*(end(hot, session, leases) for end in RACES[race]))
    await hot.exchange.stopped(session, leases)
    async with hot.store.reader.connect() as connection:
        with_slot = sa.or_(tasks.c.executor_id.is_not(None), tasks.c.stopping_until.is_not(None))
        still_held = sa.select(tasks.c.id).where(with_slot)
        assert (await connection.execute(still_held)).all() == []
    gone, alive = await rows(hot.store, task_history), await rows(hot.store, tasks)
    assert Counter(row.id for row in [*gone, *alive]) == Counter(task_id for task_id, _ in leases)
    assert {row.status for row in alive} <= {TaskStatus.WAITING_RETRY}
    told = Counter(event["taskId"] for event in await hot.events("TaskCompleted", "TaskFailed", "TaskCancelled"))
    assert told == Counter(str(row.id) for row in gone if row.status != TaskStatus.TIMEOUT)
    await hot.add(await hot.job("next"), SLOTS + 3)
    assert len(await hot.claim(session, 50, slots=SLOTS)) == SLOTS
