"""What has ended is settled under its lease: once, as a whole, with its record and its event."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import uuid4

import msgspec
import pytest

from domain.scheduling.ids import ExecutorId, TaskId
from domain.scheduling.ports.task_queue import Session
from domain.scheduling.priority import AGEING_STEP, NORMAL, rank
from domain.scheduling.retry import RetryPolicy
from domain.scheduling.settlement import EXECUTOR_LOST, complete, fail, lose
from domain.scheduling.task import TaskError
from domain.scheduling.task_status import TaskStatus
from domain.shared.json_value import JsonText
from infrastructure.sql.engine import Store
from infrastructure.sql.scheduling.tables import outbox
from infrastructure.sql.scheduling.task_tables import task_attempts, task_history, tasks
from tests.contract.builders import HOUR, MINUTE, rows
from tests.contract.hot_tasks import FLAKY, Begin, HotTasks, ended, leases, wish

FAILED, WAITING_RETRY = TaskStatus.FAILED, TaskStatus.WAITING_RETRY
NOBODY = Session(executor_id=ExecutorId("nobody"), epoch=1)


@pytest.fixture
def hot(store: Store, begin: Begin) -> HotTasks:
    return HotTasks(store, begin)


async def test_one_exchange_ends_tasks_and_hands_out_others(hot: HotTasks) -> None:
    session = await hot.session()
    await hot.add(await hot.job(), 3)
    first = leases(await hot.claim(session, 2))
    answer = await hot.exchange.exchange(session, [ended(lease) for lease in first], wish(5))
    assert answer.applied == {task_id for task_id, _ in first}
    assert [task.attempt for task in answer.claimed] == [1]
    assert await hot.count(tasks) == {"RUNNING": 1}
    assert await hot.count(task_history) == {"COMPLETED": 2}


async def test_a_completed_task_is_one_row_of_history_and_one_event(hot: HotTasks) -> None:
    session = await hot.session()
    job = await hot.job()
    (lease,) = await hot.running(session, job=job)
    before = await hot.live(lease[0])
    result = JsonText('{"text": "\\"quoted\\" \\u0000 and ü", "n": 1.50}')
    assert await hot.settle(session, complete(*lease, result)) == {lease[0]}
    row = await hot.history(lease[0])
    assert (row.status, row.result, row.error) == ("COMPLETED", result, None)
    assert (row.executor_id, row.epoch, row.token, row.attempt) == ("e1", 1, lease[1], 1)
    assert row.ended_at >= row.started_at == before.started_at
    assert row.version == before.version + 1
    (event,) = await hot.events("TaskCompleted")
    occurred_at = event.pop("occurredAt")
    assert msgspec.convert(occurred_at, type(row.ended_at)) == row.ended_at
    assert event == {
        "type": "TaskCompleted", "taskId": str(lease[0]), "jobId": str(job.id), "jobName": job.definition.name,
        "attempt": 1, "executorId": "e1", "errorCode": None,
    }  # fmt: skip


async def test_all_that_one_exchange_tells_is_one_row_of_the_outbox(hot: HotTasks) -> None:
    session = await hot.session()
    done, failed, again = await hot.running(session, 3)
    now = (await hot.live(done[0])).claimed_at
    before = len(await rows(hot.store, outbox))
    settlements = (
        ended(done),
        ended(failed, FAILED, error=FLAKY),
        ended(again, WAITING_RETRY, error=FLAKY, ready_at=now),
    )
    assert await hot.settle(session, *settlements) == {done[0], failed[0], again[0]}
    (row,) = (await rows(hot.store, outbox))[before:]
    told = msgspec.json.decode(row.events)
    assert (row.tenant, row.context, row._mapping["count"]) == ("default", "scheduling", 3)
    assert {(event["type"], event["taskId"], event["errorCode"]) for event in told} == {
        ("TaskCompleted", str(done[0]), None),
        ("TaskFailed", str(failed[0]), "FLAKY"),
        ("TaskRetryScheduled", str(again[0]), "FLAKY"),
    }
    assert {event["executorId"] for event in told} == {"e1"}


async def test_nothing_settled_is_nothing_told(hot: HotTasks) -> None:
    session = await hot.session()
    before = len(await rows(hot.store, outbox))
    assert await hot.settle(session, complete(TaskId(uuid4()), 1, None)) == frozenset()
    assert await hot.settle(session) == frozenset()
    assert len(await rows(hot.store, outbox)) == before


async def test_names_that_need_quoting_stay_whole_in_events(hot: HotTasks) -> None:
    session = await hot.session('e"1\\ü')
    (lease,) = await hot.running(session)
    await hot.settle(session, ended(lease, FAILED, error=TaskError('A"B\n\0', "m")))
    (event,) = await hot.events("TaskFailed")
    assert (event["executorId"], event["errorCode"]) == ('e"1\\ü', 'A"B\n')
    assert msgspec.json.decode((await hot.history(lease[0])).error)["code"] == 'A"B\n\0'


async def test_a_failed_attempt_waits_behind_gate_time_and_is_recorded(hot: HotTasks) -> None:
    session = await hot.session()
    (lease,) = await hot.running(session)
    held = await hot.live(lease[0])
    now, (attempt,) = await hot.exchange.attempts(session, [lease])
    settlement = fail(attempt, FLAKY, now, 0.5)
    assert await hot.settle(session, settlement) == {lease[0]}
    row = await hot.live(lease[0])
    assert (row.status, row.gate, row.ready_at) == ("WAITING_RETRY", "TIME", settlement.ready_at)
    assert row.rank == rank(row.ready_at, NORMAL)
    assert (row.executor_id, row.epoch, row.claim_id, row.claimed_at, row.started_at) == (None,) * 5
    assert (row.attempt, row.lost, row.token, row.ended_at) == (1, 0, lease[1], None)
    (record,) = await rows(hot.store, task_attempts)
    assert (record.task_id, record.attempt, record.status, record.token) == (lease[0], 1, "FAILED", lease[1])
    assert (record.executor_id, record.claimed_at, record.started_at) == ("e1", held.claimed_at, held.started_at)
    assert record.ended_at >= now
    said = {"code": "FLAKY", "message": "it works sometimes", "stack": "line 1"}
    assert msgspec.json.decode(record.error) == said | {"fingerprint": FLAKY.fingerprint}
    assert await hot.claim(session) == []


async def test_an_attempt_lost_with_its_executor_is_ready_at_once_and_counted(hot: HotTasks) -> None:
    session = await hot.session()
    (lease,) = await hot.running(session)
    now, (attempt,) = await hot.exchange.attempts(session, [lease])
    await hot.settle(session, lose(attempt, "its executor gave it back", now))
    row = await hot.live(lease[0])
    assert (row.status, row.gate, row.lost) == ("WAITING_RETRY", None, 1)
    assert (await rows(hot.store, task_attempts))[0].status == "LOST"
    (task,) = await hot.claim(session)
    assert (task.id, task.attempt) == (lease[0], 2)
    assert task.token > lease[1]
    assert (await hot.live(lease[0])).error is None
    _, (second,) = await hot.exchange.attempts(session, [(task.id, task.token)])
    assert (second.number, second.lost, second.failures) == (2, 1, 1)


async def test_the_facts_of_an_attempt_come_with_the_retry_policy_of_its_version(hot: HotTasks) -> None:
    session = await hot.session()
    policy = RetryPolicy(max_attempts=5, delay=MINUTE, never_retry=frozenset({"NO"}))
    (lease,) = await hot.running(session, job=await hot.job(retry=policy))
    now, (attempt,) = await hot.exchange.attempts(session, [lease, (TaskId(uuid4()), 1), (lease[0], lease[1] + 1)])
    assert attempt.policy == policy
    assert (attempt.status, attempt.number, attempt.executor_id) == (TaskStatus.RUNNING, 1, "e1")
    assert now >= (await hot.live(lease[0])).claimed_at
    _, nothing = await hot.exchange.attempts(NOBODY, [lease])
    assert not nothing


async def test_the_last_failure_goes_to_history_with_its_error_and_the_count_of_lost_attempts(hot: HotTasks) -> None:
    session = await hot.session()
    (lease,) = await hot.running(session)
    await hot.settle(session, ended(lease, FAILED, error=TaskError(EXECUTOR_LOST, "gone"), lost=4))
    row = await hot.history(lease[0])
    assert (row.status, row.lost) == ("FAILED", 4)
    assert msgspec.json.decode(row.error)["code"] == EXECUTOR_LOST
    assert await rows(hot.store, task_attempts) == []


async def test_no_settlement_takes_effect_under_another_token_epoch_or_executor(hot: HotTasks) -> None:
    session = await hot.session()
    (lease,) = await hot.running(session)
    again = ended(lease, WAITING_RETRY, ready_at=(await hot.live(lease[0])).claimed_at)
    others = (NOBODY, Session(executor_id=session.executor_id, epoch=2))
    for settlement in (ended(lease), again):
        for other in others:
            assert await hot.settle(other, settlement) == frozenset()
    for token in (lease[1] - 1, lease[1] + 1):
        assert await hot.settle(session, ended((lease[0], token))) == frozenset()
    assert (await hot.live(lease[0])).status == "RUNNING"
    assert await hot.settle(session, ended(lease)) == {lease[0]}


async def test_of_the_same_settlement_sent_many_times_one_takes_effect(hot: HotTasks) -> None:
    session = await hot.session()
    held = await hot.running(session, 20)
    reports = [ended(lease) for lease in held]
    applied = await asyncio.gather(*(hot.settle(session, *reports) for _ in range(6)))
    assert sorted(task_id for one in applied for task_id in one) == sorted(task_id for task_id, _ in held)
    assert await hot.count(task_history) == {"COMPLETED": 20}
    assert len(await hot.events("TaskCompleted")) == 20


async def test_two_settlements_of_one_lease_in_a_batch_are_the_first(hot: HotTasks) -> None:
    session = await hot.session()
    (lease,) = await hot.running(session)
    now = (await hot.live(lease[0])).claimed_at
    later = ended(lease, WAITING_RETRY, error=FLAKY, ready_at=now)
    assert await hot.settle(session, ended(lease), later, ended(lease, FAILED)) == {lease[0]}
    assert (await hot.history(lease[0])).status == "COMPLETED"
    assert len(await hot.events("TaskCompleted", "TaskFailed", "TaskRetryScheduled")) == 1


async def test_a_stale_settlement_of_a_task_does_not_hold_up_the_valid_one(hot: HotTasks) -> None:
    session = await hot.session()
    (lease,) = await hot.running(session)
    stale = ended((lease[0], lease[1] - 1), FAILED, error=FLAKY)
    assert await hot.settle(session, stale, ended(lease)) == {lease[0]}
    assert (await hot.history(lease[0])).status == "COMPLETED"


async def test_a_batch_as_large_as_they_come_is_settled(hot: HotTasks) -> None:
    session = await hot.session()
    held = [*await hot.running(session, 500), *await hot.running(session, 500)]
    half = len(held) // 2
    now = (await hot.live(held[0][0])).claimed_at
    back = [ended(lease, WAITING_RETRY, error=FLAKY, ready_at=now + AGEING_STEP) for lease in held[half:]]
    assert len(await hot.settle(session, *(ended(lease) for lease in held[:half]), *back)) == 1000
    assert await hot.count(tasks) == {"WAITING_RETRY": 500}
    assert await hot.count(task_history) == {"COMPLETED": 500}


async def test_what_is_in_history_is_untouched_by_later_reports(hot: HotTasks) -> None:
    session = await hot.session()
    (lease,) = await hot.running(session)
    await hot.settle(session, complete(*lease, JsonText("1")))
    row = await hot.history(lease[0])
    assert await hot.settle(session, complete(*lease, JsonText("2"))) == frozenset()
    assert await hot.history(lease[0]) == row


async def test_the_time_between_two_attempts_is_the_store_s(hot: HotTasks) -> None:
    session = await hot.session()
    (lease,) = await hot.running(session)
    now, _ = await hot.exchange.attempts(session, [lease])
    past, future = now - timedelta(microseconds=1), now + HOUR
    await hot.settle(session, ended(lease, WAITING_RETRY, ready_at=past))
    assert (await hot.live(lease[0])).gate is None
    (again,) = leases(await hot.claim(session))
    await hot.settle(session, ended(again, WAITING_RETRY, ready_at=future))
    assert (await hot.live(lease[0])).gate == "TIME"
