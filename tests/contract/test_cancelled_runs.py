"""That a run was cancelled is remembered as long as anything of it is kept."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from domain.scheduling.ids import RunId
from domain.shared.ids import DEFAULT_TENANT
from infrastructure.sql.engine import Store
from infrastructure.sql.scheduling import cancelled_runs as module
from infrastructure.sql.scheduling.cancelled_runs import MARGIN, forget_cancelled_runs
from infrastructure.sql.scheduling.dependency_tables import cancelled_runs
from infrastructure.sql.scheduling.task_tables import task_history
from tests.contract.builders import rows
from tests.contract.hot_tasks import Begin, HotTasks, ended

SECOND = timedelta(seconds=1)


@pytest.fixture
def hot(store: Store, begin: Begin) -> HotTasks:
    return HotTasks(store, begin)


async def cancel(hot: HotTasks, *runs: RunId, ago: timedelta = MARGIN + SECOND) -> None:
    async with hot.begin() as work:
        for run in runs:
            await work.runs.cancel(DEFAULT_TENANT, run, None, "ann")
        await work.execute(sa.update(cancelled_runs).where(cancelled_runs.c.run_id.in_(runs)).values(at=work.now - ago))
        await work.commit()


async def test_it_is_forgotten_once_nothing_of_the_run_is_kept(hot: HotTasks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH", 2)
    job, session = await hot.job(), await hot.session()
    live, past, gone, fresh = map(RunId, await hot.add(job, 4))
    (part,) = await hot.add(job, run_id=past)
    leases = [(task.id, task.token) for task in await hot.claim(session, 5) if task.id != live]
    await hot.settle(session, *map(ended, leases))
    await cancel(hot, live, past, gone)
    await cancel(hot, fresh, ago=MARGIN - SECOND)
    assert await forget_cancelled_runs(hot.store) == 0
    async with hot.store.engine.begin() as connection:
        kept = task_history.c.id == part  # of `past` the root is gone, too
        await connection.execute(sa.delete(task_history).where(~kept))
    assert await forget_cancelled_runs(hot.store) == 1
    assert {row.run_id for row in await rows(hot.store, cancelled_runs)} == {live, past, fresh}
