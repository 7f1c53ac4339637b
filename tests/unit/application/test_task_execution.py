"""Tasks: asked for, handed to executors, waited for, cancelled."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from application.scheduling.task_execution import Answer, ClaimWish
from application.shared.wake_up import LANES, OPENINGS, executor_topic, lane_topic, task_topic
from domain.scheduling.errors import (
    ExecutorNotFound,
    IllegalJobState,
    IllegalTransition,
    JobNotFound,
    SessionEnded,
    TaskNotFound,
)
from domain.scheduling.executor import ExecutorStatus
from domain.scheduling.ids import TaskId
from domain.scheduling.report import Report, ReportKind
from domain.scheduling.settlement import ReportOutcome
from domain.scheduling.task import Origin
from domain.scheduling.task_status import Gate, TaskStatus
from domain.shared.json_value import JsonText
from tests.builders import EXECUTOR_ID, HOUR, NOON, capability, uid
from tests.unit.application.cluster import Cluster
from tests.unit.application.documents import command
from tests.unit.application.fakes import ANN

LONG = timedelta(seconds=60)
"""Longer than any of these tests: a claim that waits so long waits for a hint."""


@pytest.fixture
async def ready(cluster: Cluster) -> Cluster:
    """With an executor and an active job `work`."""
    await cluster.register()
    await cluster.jobs.create(ANN, command("work", active=True))
    cluster.wake_up.hints.clear()
    return cluster


async def waiting_claim(cluster: Cluster, limit: int = 10, *reports: Report) -> asyncio.Task[Answer]:
    """A claim that has looked at the store, found nothing and waits."""
    wish = ClaimWish(claim_id=cluster.ids.new(), limit=limit, started=True)
    claim = asyncio.create_task(cluster.execution.exchange(ANN, EXECUTOR_ID, 1, reports, wish, LONG))
    for _ in range(20):
        await asyncio.sleep(0)
    assert not claim.done()
    return claim


async def answer_of(claim: asyncio.Task[Answer]) -> Answer:
    return await asyncio.wait_for(claim, 10)


async def test_a_task_asked_for_is_claimable_at_once(ready: Cluster) -> None:
    task_id = await ready.execution.submit(ANN, "work", parameters=JsonText('{"command":["ls"]}'))
    task = ready.task(task_id)
    assert (task.origin, task.gate, task.scheduled_time, task.fire_key) == (Origin.DIRECT, None, NOON, None)
    assert ready.wake_up.hints == [(lane_topic(1), 1)]
    assert ready.store.tables.occurrences == {}
    (handed,) = (await ready.claim()).tasks
    assert (handed.task.id, handed.task.attempt, handed.task.job_name) == (task_id, 1, "work")
    assert (handed.type, handed.handler, handed.task.parameters) == ("COMMAND", None, '{"command":["ls"]}')


async def test_a_task_for_later_waits_for_its_time(ready: Cluster) -> None:
    task_id = await ready.execution.submit(ANN, "work", NOON + HOUR)
    assert (ready.task(task_id).gate, ready.task(task_id).ready_at) == (Gate.TIME, NOON + HOUR)
    assert ready.wake_up.hints == [(OPENINGS, None)]
    assert (await ready.claim()).tasks == []


async def test_a_task_for_a_time_that_has_passed_is_claimable_at_once(ready: Cluster) -> None:
    task_id = await ready.execution.submit(ANN, "work", NOON - HOUR)
    assert (ready.task(task_id).gate, ready.task(task_id).scheduled_time) == (None, NOON - HOUR)


async def test_tasks_are_for_jobs_in_use(ready: Cluster) -> None:
    with pytest.raises(JobNotFound):
        await ready.execution.submit(ANN, "nothing")
    await ready.jobs.disable(ANN, "work", "broken")
    with pytest.raises(IllegalJobState):
        await ready.execution.submit(ANN, "work")


async def test_no_task_goes_out_twice(ready: Cluster) -> None:
    tasks = {await ready.execution.submit(ANN, "work") for _ in range(5)}
    handed = [handed.task.id for limit in (2, 2, 2) for handed in (await ready.claim(limit)).tasks]
    assert len(handed) == 5
    assert set(handed) == tasks


async def test_repeating_a_claim_returns_the_same_tasks(ready: Cluster) -> None:
    await ready.execution.submit(ANN, "work")
    first = await ready.claim(claim_id=uid(9))
    await ready.execution.submit(ANN, "work")
    assert (await ready.claim(claim_id=uid(9))).tasks == first.tasks


@pytest.mark.parametrize(("started", "status"), [(True, TaskStatus.RUNNING), (False, TaskStatus.ASSIGNED)])
async def test_a_claim_says_whether_its_tasks_have_started(ready: Cluster, started: bool, status: TaskStatus) -> None:
    task_id = await ready.execution.submit(ANN, "work")
    await ready.claim(started=started)
    assert ready.task(task_id).status is status


async def test_an_executor_gets_no_more_than_its_slots_at_once(ready: Cluster) -> None:
    await ready.register(offer=capability(slots=3))
    for _ in range(5):
        await ready.execution.submit(ANN, "work")
    assert len((await ready.claim(500)).tasks) == 3
    assert (await ready.claim(500)).tasks == []


async def test_a_claim_that_waits_for_a_slot_gets_the_task_when_another_call_reports(ready: Cluster) -> None:
    await ready.register(offer=capability(slots=1))
    for _ in range(2):
        await ready.execution.submit(ANN, "work")
    (handed,) = (await ready.claim()).tasks
    claim = await waiting_claim(ready)
    done = Report(task_id=handed.task.id, token=handed.task.token, kind=ReportKind.COMPLETE)
    await ready.execution.exchange(ANN, EXECUTOR_ID, 1, [done], None, timedelta(0))
    assert len((await answer_of(claim)).tasks) == 1


async def test_an_executor_gets_only_what_it_can_run(ready: Cluster) -> None:
    await ready.register(offer=capability(types=frozenset({"PYTHON"})))
    await ready.execution.submit(ANN, "work")
    assert (await ready.claim()).tasks == []


async def test_reports_and_the_next_claim_go_together(ready: Cluster) -> None:
    first, second = [await ready.execution.submit(ANN, "work") for _ in range(2)]
    (handed,) = (await ready.claim(1)).tasks
    done = Report(task_id=first, token=handed.task.token, kind=ReportKind.COMPLETE)
    answer = await ready.claim(1, 1, done)
    assert answer.outcomes == [ReportOutcome.APPLIED]
    assert [h.task.id for h in answer.tasks] == [second]
    assert ready.task(first).status is TaskStatus.COMPLETED


async def test_reports_alone_are_answered_at_once(ready: Cluster) -> None:
    lost = Report(task_id=TaskId(uid(5)), token=1, kind=ReportKind.COMPLETE)
    answer = await ready.execution.exchange(ANN, EXECUTOR_ID, 1, [lost, lost], None, timedelta(0))
    assert (answer.outcomes, answer.tasks, answer.stop) == ([ReportOutcome.LEASE_LOST] * 2, [], [])


async def test_a_waiting_claim_gets_the_task_that_comes(ready: Cluster) -> None:
    claim = await waiting_claim(ready)
    task_id = await ready.execution.submit(ANN, "work")
    assert [h.task.id for h in (await answer_of(claim)).tasks] == [task_id]


async def test_reports_are_written_before_a_claim_waits_and_only_once(ready: Cluster) -> None:
    task_id = await ready.execution.submit(ANN, "work")
    (handed,) = (await ready.claim()).tasks
    claim = await waiting_claim(ready, 10, Report(task_id=task_id, token=handed.task.token, kind=ReportKind.COMPLETE))
    assert ready.task(task_id).status is TaskStatus.COMPLETED
    await ready.execution.submit(ANN, "work")
    assert (await answer_of(claim)).outcomes == [ReportOutcome.APPLIED]


async def test_a_waiting_claim_learns_of_lanes_that_did_not_exist(ready: Cluster) -> None:
    await ready.register(offer=capability(labels={"zone": "b"}))
    claim = await waiting_claim(ready)
    await ready.jobs.create(ANN, command("zoned", active=True, placement={"requires": {"zone": "b"}}))
    task_id = await ready.execution.submit(ANN, "zoned")
    assert LANES in ready.wake_up.topics
    assert [h.task.id for h in (await answer_of(claim)).tasks] == [task_id]


async def test_an_executor_without_free_slots_waits_for_orders_to_stop_and_gets_no_tasks(ready: Cluster) -> None:
    running = await ready.execution.submit(ANN, "work")
    await ready.claim()
    claim = await waiting_claim(ready, 0)
    await ready.execution.submit(ANN, "work")
    await ready.execution.cancel(ANN, running, "enough")
    answer = await answer_of(claim)
    assert ([order.task_id for order in answer.stop], answer.tasks) == ([running], [])


async def test_a_node_that_is_about_to_stop_lets_no_claim_wait(ready: Cluster) -> None:
    claim = await waiting_claim(ready)
    ready.draining.begin()
    assert (await answer_of(claim)).tasks == []
    wish = ClaimWish(claim_id=uid(9), limit=1, started=True)
    assert (await ready.execution.exchange(ANN, EXECUTOR_ID, 1, (), wish, LONG)).tasks == []


async def test_a_waiting_claim_ends_with_its_session(ready: Cluster) -> None:
    claim = await waiting_claim(ready)
    await ready.management.leave(ANN, EXECUTOR_ID, 1)
    with pytest.raises(SessionEnded):
        await answer_of(claim)


async def test_a_claim_of_a_session_that_another_node_ended_is_refused(ready: Cluster) -> None:
    await ready.claim()
    ready.store.tables.executors[EXECUTOR_ID].status = ExecutorStatus.OFFLINE
    with pytest.raises(SessionEnded):
        await ready.claim()


async def test_a_claim_of_an_unknown_executor_is_refused(cluster: Cluster) -> None:
    with pytest.raises(ExecutorNotFound):
        await cluster.claim()


async def test_a_claim_that_finds_nothing_waits_no_longer_than_it_asked_to(ready: Cluster) -> None:
    wish = ClaimWish(claim_id=uid(9), limit=1, started=True)
    answer = await ready.execution.exchange(ANN, EXECUTOR_ID, 1, (), wish, timedelta(milliseconds=1))
    assert answer.tasks == []


async def test_a_waiting_task_is_cancelled_for_good(ready: Cluster) -> None:
    task_id = await ready.execution.submit(ANN, "work")
    await ready.execution.cancel(ANN, task_id, "not needed")
    assert (ready.task(task_id).status, ready.task(task_id).reason) == (TaskStatus.CANCELLED, "not needed")
    assert (await ready.claim()).tasks == []
    assert (task_topic(task_id), None) in ready.wake_up.hints
    assert executor_topic(EXECUTOR_ID) not in ready.wake_up.topics


async def test_a_running_task_is_told_to_stop_through_the_claim_of_its_executor(ready: Cluster) -> None:
    task_id = await ready.execution.submit(ANN, "work")
    (handed,) = (await ready.claim()).tasks
    await ready.execution.cancel(ANN, task_id, "enough")
    assert {executor_topic(EXECUTOR_ID), task_topic(task_id)} <= ready.wake_up.topics
    (order,) = (await ready.claim(0)).stop
    assert (order.task_id, order.token, order.reason) == (task_id, handed.task.token, "enough")
    stopped = Report(task_id=task_id, token=handed.task.token, kind=ReportKind.STOPPED)
    answer = await ready.claim(0, 1, stopped)
    assert (answer.outcomes, answer.stop) == ([ReportOutcome.APPLIED], [])


async def test_only_what_is_known_and_has_not_ended_can_be_cancelled(ready: Cluster) -> None:
    with pytest.raises(TaskNotFound):
        await ready.execution.cancel(ANN, TaskId(uid(5)), None)
    task_id = await ready.execution.submit(ANN, "work")
    (handed,) = (await ready.claim()).tasks
    await ready.claim(0, 1, Report(task_id=task_id, token=handed.task.token, kind=ReportKind.COMPLETE))
    with pytest.raises(IllegalTransition):
        await ready.execution.cancel(ANN, task_id, None)


async def test_what_an_executor_gives_back_is_hinted_to_the_others(ready: Cluster) -> None:
    task_id = await ready.execution.submit(ANN, "work")
    [handed] = (await ready.claim()).tasks
    ready.wake_up.hints.clear()
    release = Report(task_id=task_id, token=handed.task.token, kind=ReportKind.RELEASE)
    await ready.execution.exchange(ANN, EXECUTOR_ID, 1, [release], None, timedelta(0))
    assert (lane_topic(1), None) in ready.wake_up.hints


@pytest.mark.parametrize(
    "end",
    [
        {"kind": ReportKind.FAIL},
        {"kind": ReportKind.FAIL, "retry_after": timedelta(0)},
        {"kind": ReportKind.SNOOZE, "retry_after": timedelta(0)},
    ],
)
async def test_what_may_be_tried_again_at_once_is_hinted_to_all(ready: Cluster, end: dict[str, Any]) -> None:
    await ready.jobs.create(ANN, command("again", active=True, retry={"delay": "PT0S"}))
    task_id = await ready.execution.submit(ANN, "again")
    [handed] = (await ready.claim()).tasks
    ready.wake_up.hints.clear()
    over = Report(task_id=task_id, token=handed.task.token, **end)
    await ready.execution.exchange(ANN, EXECUTOR_ID, 1, [over], None, timedelta(0))
    assert ready.task(task_id).gate is None
    assert (lane_topic(1), None) in ready.wake_up.hints


async def test_what_waits_before_its_next_try_is_hinted_to_nobody_yet(ready: Cluster) -> None:
    task_id = await ready.execution.submit(ANN, "work")
    [handed] = (await ready.claim()).tasks
    ready.wake_up.hints.clear()
    failed = Report(task_id=task_id, token=handed.task.token, kind=ReportKind.FAIL)
    await ready.execution.exchange(ANN, EXECUTOR_ID, 1, [failed], None, timedelta(0))
    assert lane_topic(1) not in ready.wake_up.topics
    assert OPENINGS in ready.wake_up.topics
