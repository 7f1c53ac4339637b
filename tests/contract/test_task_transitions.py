"""Every way between two states is open exactly where the one table of transitions has it, and only with the token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from domain.scheduling.errors import IllegalTransition
from domain.scheduling.ids import ExecutorId, TaskId
from domain.scheduling.ports.task_exchange import Lease
from domain.scheduling.ports.task_queue import Session
from domain.scheduling.settlement import Settlement
from domain.scheduling.task_status import CLAIMABLE, HELD, TaskStatus
from domain.shared.ids import DEFAULT_TENANT
from infrastructure.sql.engine import Store
from infrastructure.sql.scheduling.task_tables import task_history, tasks
from tests.contract.builders import rows
from tests.contract.hot_tasks import Begin, HotTasks, ended, leases

SESSION = Session(executor_id=ExecutorId("e1"), epoch=1)
WAITING_RETRY = TaskStatus.WAITING_RETRY
SOMETIME = datetime(2031, 5, 4, tzinfo=UTC)
ENDS = (WAITING_RETRY, *(status for status in TaskStatus if status.is_final))
"""What a settlement may say."""


@dataclass(frozen=True)
class Case:
    """A task that stands at `status` under a token, and what is tried on it."""

    task_id: TaskId
    status: TaskStatus
    target: TaskStatus
    lease: Lease
    right: bool

    def settlement(self) -> Settlement:
        return ended(self.lease, self.target, ready_at=SOMETIME if self.target is WAITING_RETRY else None)


@pytest.fixture
def hot(store: Store, begin: Begin) -> HotTasks:
    return HotTasks(store, begin)


async def cases(hot: HotTasks, targets: Sequence[TaskStatus]) -> list[Case]:
    """A task for each status, target, and right or wrong token; each looks as if `SESSION` held it."""
    tried = [(status, target, right) for status in TaskStatus for target in targets for right in (True, False)]
    ids = await hot.add(await hot.job(), len(tried))
    await hot.session()
    tokens = dict(zip(ids, range(1000, 1000 + len(ids)), strict=True))
    held = {"executor_id": "e1", "epoch": 1, "claim_id": uuid4()}
    await hot.put_all(
        [
            {"id": id_, "status": status.value, "token": tokens[id_], **held}
            for id_, (status, _, _) in zip(ids, tried, strict=True)
        ]
    )
    return [
        Case(id_, status, target, (id_, tokens[id_] if right else tokens[id_] + 10_000), right)
        for id_, (status, target, right) in zip(ids, tried, strict=True)
    ]


def expected(cases: Sequence[Case]) -> set[TaskId]:
    return {c.task_id for c in cases if c.right and c.status in HELD and c.status.can_become(c.target)}


async def test_an_exchange_settles_where_the_table_has_a_way(hot: HotTasks) -> None:
    tried = await cases(hot, ENDS)
    assert expected(tried)
    assert await hot.settle(SESSION, *(c.settlement() for c in tried)) == expected(tried)
    await _stand_where_they_should(hot, tried)


async def test_a_unit_of_work_settles_where_the_table_has_a_way(hot: HotTasks) -> None:
    tried = await cases(hot, ENDS)
    async with hot.begin() as work:
        assert set(await work.queue.settle([c.settlement() for c in tried])) == expected(tried)
        await work.commit()
    await _stand_where_they_should(hot, tried)


async def test_a_start_is_possible_where_the_table_has_a_way_and_may_be_repeated(hot: HotTasks) -> None:
    tried = await cases(hot, [TaskStatus.RUNNING])
    started = await hot.exchange.start(SESSION, [c.lease for c in tried])
    possible = {*TaskStatus.sources_of(TaskStatus.RUNNING), TaskStatus.RUNNING}
    assert started == {c.task_id for c in tried if c.right and c.status in possible}


async def test_a_claim_takes_only_what_the_table_lets_be_assigned(hot: HotTasks) -> None:
    tried = await cases(hot, [TaskStatus.ASSIGNED])
    claimed = leases(await hot.claim(await hot.session("e2"), len(tried)))
    assert {task_id for task_id, _ in claimed} == {c.task_id for c in tried if c.status in CLAIMABLE}


@pytest.mark.parametrize("status", TaskStatus)
async def test_a_task_is_cancelled_where_the_table_has_a_way(hot: HotTasks, status: TaskStatus) -> None:
    (case, _) = [c for c in await cases(hot, [TaskStatus.CANCELLED]) if c.status is status]
    async with hot.begin() as work:
        task = await work.tasks.get(DEFAULT_TENANT, case.task_id)
        if status is TaskStatus.CANCELLED:
            task.cancel(None, work.now)
        elif not status.can_become(TaskStatus.CANCELLED):
            with pytest.raises(IllegalTransition):
                task.cancel(None, work.now)
        else:
            task.cancel(None, work.now)
            await work.tasks.save(task)
            await work.commit()
            row = await (hot.live if status in HELD else hot.history)(case.task_id)
            assert row.status == "CANCELLED"


async def _stand_where_they_should(hot: HotTasks, tried: Sequence[Case]) -> None:
    moved = expected(tried)
    into_history = {case.task_id for case in tried if case.task_id in moved and case.target.is_final}
    stand = {case.task_id: case.target if case.task_id in moved else case.status for case in tried}
    alive = {row.id: row.status for row in await rows(hot.store, tasks)}
    history = {row.id: row.status for row in await rows(hot.store, task_history)}
    assert alive == {task_id: status for task_id, status in stand.items() if task_id not in into_history}
    assert history == {task_id: status for task_id, status in stand.items() if task_id in into_history}
