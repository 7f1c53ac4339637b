"""Use cases count what they have committed, once, and nothing else."""

from __future__ import annotations

import pytest

from application.scheduling.planner import Planner
from domain.scheduling.errors import Overlapping
from domain.scheduling.ids import TaskId
from domain.scheduling.report import Report, ReportKind
from domain.scheduling.task import TaskError
from tests.builders import CALENDARS, EXECUTOR_ID, MINUTE, SECOND, uid
from tests.unit.application.cluster import Cluster
from tests.unit.application.documents import command
from tests.unit.application.fake_store import FakeStore
from tests.unit.application.fakes import ANN, CountedIds, HeardWakeUp
from tests.unit.application.noted_metrics import NotedMetrics
from tests.unit.application.test_planner import add, fails_for

TIMEOUT = 120 * SECOND


@pytest.fixture
def noted() -> NotedMetrics:
    return NotedMetrics()


@pytest.fixture
def planner(store: FakeStore, ids: CountedIds, wake_up: HeardWakeUp, noted: NotedMetrics) -> Planner:
    return Planner(store.begin, ids, CALENDARS, wake_up, noted)


async def test_the_planner_counts_every_fire_it_has_decided(
    planner: Planner, store: FakeStore, noted: NotedMetrics
) -> None:
    add(store)
    store.now += 3 * MINUTE
    await planner.tick()
    assert noted.decisions == {"FIRED": 1, "COALESCED": 3}
    assert noted.origins == {"SCHEDULE": 1}
    await planner.tick()
    assert noted.origins == {"SCHEDULE": 1}


async def test_what_could_not_be_written_is_not_counted(
    planner: Planner, store: FakeStore, noted: NotedMetrics
) -> None:
    store.before_commit = fails_for(add(store))
    await planner.tick()
    assert not noted.decisions
    assert noted.origins.total() == 0


async def running(cluster: Cluster, **retry: int) -> TaskId:
    """A task that the registered executor runs."""
    await cluster.register()
    await cluster.jobs.create(ANN, command("work", active=True, retry=retry))
    task_id = await cluster.execution.submit(ANN, "work")
    await cluster.claim()
    return task_id


async def test_tasks_are_counted_by_what_asked_for_them(cluster: Cluster) -> None:
    await cluster.jobs.create(ANN, command("work", active=True))
    await cluster.execution.submit(ANN, "work")
    await cluster.jobs.run_now(ANN, "work")
    with pytest.raises(Overlapping):
        await cluster.jobs.run_now(ANN, "work")
    assert cluster.metrics.origins == {"DIRECT": 1, "MANUAL": 1}


async def test_an_end_that_an_executor_reports_is_counted_once_though_it_is_reported_twice(cluster: Cluster) -> None:
    task_id = await running(cluster)
    done = Report(task_id=task_id, token=cluster.task(task_id).token or 0, kind=ReportKind.COMPLETE)
    for _ in range(2):
        await cluster.claim(0, 1, done)
    assert cluster.metrics.statuses == {"COMPLETED": 1}


@pytest.mark.parametrize(("attempts", "status"), [(3, "WAITING_RETRY"), (1, "FAILED")])
async def test_a_failure_is_counted_by_what_becomes_of_its_task(cluster: Cluster, attempts: int, status: str) -> None:
    task_id = await running(cluster, maxAttempts=attempts)
    token = cluster.task(task_id).token or 0
    await cluster.claim(0, 1, Report(task_id=task_id, token=token, kind=ReportKind.FAIL, error=TaskError("E", "e")))
    assert cluster.metrics.statuses == {status: 1}


async def test_a_report_that_comes_too_late_is_not_counted(cluster: Cluster) -> None:
    task_id = await running(cluster)
    await cluster.claim(0, 1, Report(task_id=task_id, token=10**9, kind=ReportKind.COMPLETE))
    assert not cluster.metrics.statuses


async def test_what_the_server_ends_is_counted_too(cluster: Cluster) -> None:
    task_id = await running(cluster, maxAttempts=1)
    cluster.give_deadline(task_id)
    cluster.pass_time(MINUTE)
    await cluster.reaper.tick()
    assert cluster.metrics.statuses == {"TIMEOUT": 1}


async def test_a_cancelled_task_is_counted_once_though_it_is_cancelled_twice(cluster: Cluster) -> None:
    task_id = await running(cluster)
    for _ in range(2):
        await cluster.execution.cancel(ANN, task_id, None)
    assert cluster.metrics.statuses == {"CANCELLED": 1}


async def test_the_tasks_of_a_deleted_job_are_counted_as_cancelled(cluster: Cluster) -> None:
    await running(cluster)
    await cluster.jobs.delete(ANN, "work")
    assert cluster.metrics.statuses == {"CANCELLED": 1}


async def test_what_is_lost_with_a_session_is_counted_however_that_ends(cluster: Cluster) -> None:
    await running(cluster)
    await cluster.register(uid(101))  # started anew
    assert cluster.metrics.statuses == {"WAITING_RETRY": 1}
    assert len((await cluster.claim(epoch=2)).tasks) == 1
    await cluster.management.leave(ANN, EXECUTOR_ID, 2)
    assert cluster.metrics.statuses == {"WAITING_RETRY": 2}
    await cluster.register(uid(102))
    assert len((await cluster.claim(epoch=3)).tasks) == 1
    await cluster.reaper.tick()
    cluster.pass_time(TIMEOUT + SECOND)
    await cluster.reaper.tick()
    assert cluster.metrics.statuses == {"WAITING_RETRY": 3}
