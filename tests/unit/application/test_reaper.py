"""What has gone on for too long ends: silent sessions, overdue attempts, stops that nobody confirms."""

from __future__ import annotations

from datetime import timedelta

import pytest

from application.shared.errors import StoreUnavailable
from application.shared.wake_up import LANES, OPENINGS, executor_topic, lane_topic, task_topic
from domain.scheduling.executor import ExecutorStatus
from domain.scheduling.ids import TaskId
from domain.scheduling.ports.task_queue import Session
from domain.scheduling.settlement import EXECUTION_TIMEOUT, EXECUTOR_LOST, QUEUE_TIMEOUT, TOTAL_TIMEOUT
from domain.scheduling.task import STOP_GRACE
from domain.scheduling.task_status import TaskStatus
from tests.builders import EXECUTOR_ID, MINUTE, NOON, SECOND
from tests.unit.application.cluster import Cluster
from tests.unit.application.documents import command
from tests.unit.application.fakes import ANN

TIMEOUT = 120 * SECOND
SESSION = Session(executor_id=EXECUTOR_ID, epoch=1)


async def start(cluster: Cluster, **definition: object) -> TaskId:
    """A task that the registered executor runs."""
    await cluster.register()
    await cluster.jobs.create(ANN, command("work", active=True, **definition))
    task_id = await cluster.execution.submit(ANN, "work")
    assert len((await cluster.claim()).tasks) == 1
    cluster.wake_up.hints.clear()
    return task_id


def executor_status(cluster: Cluster) -> ExecutorStatus:
    return cluster.store.tables.executors[EXECUTOR_ID].status


async def watch(cluster: Cluster, passed: timedelta) -> None:
    cluster.pass_time(passed)
    await cluster.reaper.tick()


async def test_with_nothing_to_end_nothing_is_written(cluster: Cluster) -> None:
    await watch(cluster, timedelta(0))
    assert cluster.store.commits == 0


async def test_an_attempt_that_takes_too_long_is_over_and_its_executor_is_told_to_stop(cluster: Cluster) -> None:
    task_id = await start(cluster, retry={"maxAttempts": 1})
    cluster.give_deadline(task_id)
    await watch(cluster, MINUTE - SECOND)
    assert cluster.task(task_id).status is TaskStatus.RUNNING
    await watch(cluster, SECOND)
    ended = cluster.task(task_id)
    assert (ended.status, ended.stopping_until) == (TaskStatus.TIMEOUT, cluster.store.now + STOP_GRACE)
    assert ended.error is not None
    assert ended.error.code == EXECUTION_TIMEOUT
    assert {task_topic(task_id), executor_topic(EXECUTOR_ID), OPENINGS} <= cluster.wake_up.topics
    (order,) = (await cluster.claim(0)).stop
    assert (order.task_id, order.token) == (task_id, ended.token)


async def test_a_timed_out_attempt_is_tried_again_but_not_before_it_has_stopped(cluster: Cluster) -> None:
    task_id = await start(cluster)
    cluster.give_deadline(task_id)
    await watch(cluster, MINUTE)
    waiting = cluster.task(task_id)
    assert (waiting.status, waiting.ready_at) == (TaskStatus.WAITING_RETRY, cluster.store.now + MINUTE)
    assert not waiting.is_claimable
    await watch(cluster, STOP_GRACE)
    assert cluster.task(task_id).stopping_until is None


async def test_a_stop_that_nobody_confirms_counts_as_stopped_after_its_grace(cluster: Cluster) -> None:
    task_id = await start(cluster)
    await cluster.execution.cancel(ANN, task_id, "enough")
    await watch(cluster, STOP_GRACE - SECOND)
    assert cluster.task(task_id).stopping_until is not None
    await watch(cluster, SECOND)
    assert (cluster.task(task_id).status, cluster.task(task_id).stopping_until) == (TaskStatus.CANCELLED, None)


async def test_a_session_silent_for_longer_than_the_timeout_is_lost_and_its_tasks_go_back(cluster: Cluster) -> None:
    task_id = await start(cluster)
    await watch(cluster, timedelta(0))
    await watch(cluster, TIMEOUT)
    assert executor_status(cluster) is ExecutorStatus.ONLINE
    await watch(cluster, SECOND)
    assert executor_status(cluster) is ExecutorStatus.OFFLINE
    lost = cluster.task(task_id)
    assert (lost.status, lost.lost, lost.ready_at) == (TaskStatus.WAITING_RETRY, 1, cluster.store.now)
    assert lost.error is not None
    assert (lost.error.code, lost.error.message) == (EXECUTOR_LOST, "its executor was lost")
    assert lane_topic(1) in cluster.wake_up.topics
    assert cluster.store.event_types()[-2:] == ["ExecutorOffline", "ExecutorLost"]


async def test_a_task_claimed_while_the_session_ended_goes_back(cluster: Cluster) -> None:
    task_id = await start(cluster)
    cluster.store.tables.executors[EXECUTOR_ID].status = ExecutorStatus.OFFLINE  # and nobody saw the claim
    await watch(cluster, SECOND)
    assert (cluster.task(task_id).status, cluster.task(task_id).lost) == (TaskStatus.WAITING_RETRY, 1)


async def test_work_that_must_not_run_twice_fails_with_its_executor(cluster: Cluster) -> None:
    task_id = await start(cluster, retry={"maxLost": 0})
    await watch(cluster, timedelta(0))
    await watch(cluster, TIMEOUT + SECOND)
    assert cluster.task(task_id).status is TaskStatus.FAILED


async def test_a_node_that_has_just_started_condemns_nobody(cluster: Cluster) -> None:
    await start(cluster)
    cluster.pass_time(10 * TIMEOUT)
    await cluster.reaper.tick()
    await watch(cluster, TIMEOUT - SECOND)
    assert executor_status(cluster) is ExecutorStatus.ONLINE
    await watch(cluster, SECOND)
    assert executor_status(cluster) is ExecutorStatus.OFFLINE


async def test_a_node_that_lost_the_store_condemns_nobody_for_one_timeout(cluster: Cluster) -> None:
    task_id = await start(cluster)
    cluster.give_deadline(task_id)
    await cluster.reaper.tick()

    def unavailable(_tables: object) -> None:
        raise StoreUnavailable("connection refused")

    cluster.store.before_commit = unavailable
    cluster.pass_time(TIMEOUT)
    with pytest.raises(StoreUnavailable):
        await cluster.reaper.tick()
    cluster.store.before_commit = lambda _tables: None
    await watch(cluster, SECOND)
    assert executor_status(cluster) is ExecutorStatus.ONLINE
    await watch(cluster, TIMEOUT)
    assert executor_status(cluster) is ExecutorStatus.OFFLINE


async def test_a_beat_known_elsewhere_spares_a_session(cluster: Cluster) -> None:
    await start(cluster)
    await watch(cluster, timedelta(0))
    cluster.beats.known[SESSION] = NOON + 2 * TIMEOUT - SECOND
    await watch(cluster, 2 * TIMEOUT)
    assert executor_status(cluster) is ExecutorStatus.ONLINE


async def test_an_old_beat_known_elsewhere_spares_nobody(cluster: Cluster) -> None:
    await start(cluster)
    await watch(cluster, timedelta(0))
    cluster.beats.known[SESSION] = NOON + TIMEOUT
    await watch(cluster, 2 * TIMEOUT)
    assert executor_status(cluster) is ExecutorStatus.OFFLINE


async def test_a_session_that_beats_is_never_lost(cluster: Cluster) -> None:
    await start(cluster)
    for _ in range(20):
        cluster.pass_time(30 * SECOND)
        await cluster.management.heartbeat(ANN, EXECUTOR_ID, 1, [])
        await cluster.reaper.tick()
    assert executor_status(cluster) is ExecutorStatus.ONLINE


async def test_a_task_that_no_executor_takes_in_time_is_given_up(cluster: Cluster) -> None:
    await cluster.jobs.create(ANN, command("work", active=True, timeouts={"queue": "PT1M"}))
    task_id = await cluster.execution.submit(ANN, "work")
    await watch(cluster, MINUTE - SECOND)
    assert cluster.task(task_id).status is TaskStatus.PENDING
    cluster.wake_up.hints.clear()
    await watch(cluster, SECOND)
    given_up = cluster.task(task_id)
    assert (given_up.status, given_up.ended_at) == (TaskStatus.TIMEOUT, cluster.store.now)
    assert given_up.error is not None
    assert given_up.error.code == QUEUE_TIMEOUT
    assert task_topic(task_id) in cluster.wake_up.topics
    before = cluster.store.commits
    await watch(cluster, MINUTE)
    assert cluster.store.commits == before


async def test_what_waits_for_its_next_attempt_is_given_up_when_the_time_of_the_whole_is_over(cluster: Cluster) -> None:
    task_id = await start(cluster, retry={"delay": "PT1H"}, timeouts={"queue": "PT1M", "total": "PT10M"})
    cluster.give_deadline(task_id)
    await watch(cluster, MINUTE)
    await watch(cluster, STOP_GRACE)
    assert cluster.task(task_id).status is TaskStatus.WAITING_RETRY
    await watch(cluster, 8 * MINUTE)
    ended = cluster.task(task_id)
    assert ended.error is not None
    assert (ended.status, ended.error.code) == (TaskStatus.TIMEOUT, TOTAL_TIMEOUT)


async def test_an_attempt_that_runs_when_the_time_of_the_whole_is_over_is_stopped_for_good(cluster: Cluster) -> None:
    task_id = await start(cluster, timeouts={"total": "PT1M"})
    await watch(cluster, MINUTE)
    ended = cluster.task(task_id)
    assert (ended.status, ended.stopping_until) == (TaskStatus.TIMEOUT, cluster.store.now + STOP_GRACE)
    assert ended.error is not None
    assert ended.error.code == TOTAL_TIMEOUT
    (order,) = (await cluster.claim(0)).stop
    assert order.task_id == task_id


async def test_what_a_session_left_behind_in_its_last_moment_is_hinted_to_all_who_wait(cluster: Cluster) -> None:
    task_id = await start(cluster)
    cluster.store.tables.executors[EXECUTOR_ID].status = ExecutorStatus.OFFLINE
    await watch(cluster, SECOND)
    assert (cluster.task(task_id).status, cluster.task(task_id).gate) == (TaskStatus.WAITING_RETRY, None)
    assert LANES in cluster.wake_up.topics
