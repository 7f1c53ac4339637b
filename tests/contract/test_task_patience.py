"""Tasks that take too long as a whole: those that wait are given up, those that run are stopped."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.scheduling.policies import Timeouts
from domain.scheduling.settlement import QUEUE_TIMEOUT, TOTAL_TIMEOUT, overdue
from domain.scheduling.task_status import Gate, TaskStatus
from domain.shared.ids import DEFAULT_TENANT
from infrastructure.sql.engine import Store
from infrastructure.sql.scheduling.reader import SqlSchedulingReader
from infrastructure.sql.scheduling.task_rows import decode_error
from infrastructure.sql.scheduling.task_tables import task_history, tasks
from tests.contract.builders import HOUR, MINUTE
from tests.contract.hot_tasks import FLAKY, Begin, HotTasks, ended

INSTANT = timedelta(microseconds=1)
WAITING_RETRY = TaskStatus.WAITING_RETRY
MANY = 100


@pytest.fixture
def hot(store: Store, begin: Begin) -> HotTasks:
    return HotTasks(store, begin)


async def give_up(hot: HotTasks, after: timedelta, limit: int = MANY) -> int:
    """How many were given up `after` so long from now."""
    async with hot.begin() as work:
        given_up = await work.queue.time_out_waiting(work.now + after, limit)
        await work.commit()
    return len(given_up)


async def test_what_nobody_takes_within_its_queue_timeout_leaves_for_history(hot: HotTasks) -> None:
    job = await hot.job(timeouts=Timeouts(queue=MINUTE, total=HOUR))
    (id_,) = await hot.add(job)
    await hot.add(await hot.job("patient"))
    before = await hot.live(id_)
    async with hot.begin() as work:
        assert await work.queue.time_out_waiting(before.ready_at + MINUTE - INSTANT, MANY) == ()
        assert await work.queue.time_out_waiting(before.ready_at + MINUTE, MANY) == [id_]
        assert await work.queue.time_out_waiting(before.ready_at + MINUTE, MANY) == ()
        await work.commit()
    row = await hot.history(id_)
    assert (row.status, row.attempt, row.version) == ("TIMEOUT", 0, before.version + 1)
    assert row.ended_at >= before.created_at
    assert decode_error(row.error).code == QUEUE_TIMEOUT
    (event,) = await hot.events("TaskTimedOut")
    assert (event["taskId"], event["jobName"], event["errorCode"]) == (str(id_), "backup", QUEUE_TIMEOUT)
    assert (event["attempt"], event["executorId"]) == (0, None)
    assert await hot.count(tasks) == {"PENDING": 1}


async def test_the_time_in_the_queue_counts_from_when_a_task_is_ready(hot: HotTasks) -> None:
    job = await hot.job(timeouts=Timeouts(queue=MINUTE))
    (id_,) = await hot.add(job, after=HOUR, gate=Gate.TIME)
    assert await give_up(hot, HOUR) == 0
    assert await give_up(hot, HOUR + 2 * MINUTE) == 1
    row = await hot.history(id_)
    assert (row.status, row.gate) == ("TIMEOUT", None)


async def test_what_was_taken_in_time_does_not_time_out_in_the_queue_any_more(hot: HotTasks) -> None:
    session = await hot.session()
    (lease,) = await hot.running(session, job=await hot.job(timeouts=Timeouts(queue=MINUTE)))
    assert await give_up(hot, HOUR) == 0
    await hot.settle(session, ended(lease, WAITING_RETRY, error=FLAKY, ready_at=(await hot.live(lease[0])).ready_at))
    assert await give_up(hot, HOUR) == 0
    assert await hot.count(tasks) == {"WAITING_RETRY": 1}


async def test_a_blocked_task_is_not_in_the_queue_but_its_time_as_a_whole_runs(hot: HotTasks) -> None:
    await hot.add(await hot.job("queue", timeouts=Timeouts(queue=MINUTE)), gate=Gate.DEPENDENCY)
    (id_,) = await hot.add(await hot.job("whole", timeouts=Timeouts(queue=MINUTE, total=HOUR)), gate=Gate.DEPENDENCY)
    assert await give_up(hot, HOUR - MINUTE) == 0
    assert await give_up(hot, HOUR + MINUTE) == 1
    assert decode_error((await hot.history(id_)).error).code == TOTAL_TIMEOUT
    assert await hot.count(tasks) == {"BLOCKED": 1}


async def test_between_two_attempts_the_time_as_a_whole_runs_out_and_the_attempts_stay_known(hot: HotTasks) -> None:
    session = await hot.session()
    (lease,) = await hot.running(session, job=await hot.job(timeouts=Timeouts(total=HOUR)))
    ready_at = (await hot.live(lease[0])).ready_at + 2 * HOUR
    await hot.settle(session, ended(lease, WAITING_RETRY, error=FLAKY, ready_at=ready_at))
    assert await give_up(hot, HOUR - MINUTE) == 0
    assert await give_up(hot, HOUR + MINUTE) == 1
    row = await hot.history(lease[0])
    assert (row.status, row.gate, row.token) == ("TIMEOUT", None, lease[1])
    attempts = await SqlSchedulingReader(hot.store).attempts(DEFAULT_TENANT, lease[0])
    assert [(one.attempt, one.status, one.error and one.error.code) for one in attempts] == [(1, "FAILED", FLAKY.code)]


async def test_what_runs_when_its_time_as_a_whole_is_over_is_stopped_and_not_tried_again(hot: HotTasks) -> None:
    session = await hot.session()
    (lease,) = await hot.running(session, job=await hot.job(timeouts=Timeouts(execution=HOUR, total=MINUTE)))
    assert await give_up(hot, HOUR) == 0
    async with hot.begin() as work:
        assert await work.queue.take_overdue(work.now, MANY) == []
        later = work.now + 2 * MINUTE
        (attempt,) = await work.queue.take_overdue(later, MANY)
        assert await work.queue.settle([overdue(attempt, later, 0.5)]) == [lease[0]]
        await work.commit()
    row = await hot.live(lease[0])
    assert (row.status, row.expires_at, decode_error(row.error).code) == ("TIMEOUT", None, TOTAL_TIMEOUT)
    (order,) = (await hot.exchange.exchange(session, (), None)).stop
    assert (order.task_id, order.token) == lease
    assert await hot.exchange.stopped(session, [lease]) == {lease[0]}
    assert await hot.count(task_history) == {"TIMEOUT": 1}
    assert [event["errorCode"] for event in await hot.events("TaskTimedOut")] == [TOTAL_TIMEOUT]


async def test_what_still_has_to_stop_is_not_given_up_before_it_has(hot: HotTasks) -> None:
    session = await hot.session()
    (lease,) = await hot.running(session, job=await hot.job(timeouts=Timeouts(total=MINUTE)))
    row = await hot.live(lease[0])
    stopping = {"ready_at": row.ready_at + HOUR, "stopping_until": row.ready_at + HOUR}
    await hot.settle(session, ended(lease, WAITING_RETRY, error=FLAKY, **stopping))
    assert await give_up(hot, HOUR) == 0
    assert await hot.exchange.stopped(session, [lease]) == {lease[0]}
    assert await give_up(hot, HOUR) == 1


async def test_no_more_are_given_up_at_once_than_asked_the_oldest_first(hot: HotTasks) -> None:
    job = await hot.job(timeouts=Timeouts(queue=MINUTE))
    later, first = [(await hot.add(job, after=-MINUTE * n))[0] for n in (2, 3)]
    assert await give_up(hot, timedelta(0), limit=1) == 1
    assert (await hot.history(first)).status == "TIMEOUT"
    assert (await hot.live(later)).status == "PENDING"


@pytest.mark.parametrize(("queue", "given_up"), [(None, 0), (2 * MINUTE, 1)])
async def test_a_task_that_an_operator_tries_again_is_bound_in_the_queue_and_not_as_a_whole(
    hot: HotTasks, queue: timedelta | None, given_up: int
) -> None:
    (id_,) = await hot.add(await hot.job(timeouts=Timeouts(queue=queue, total=MINUTE)))
    assert await give_up(hot, HOUR) == 1
    async with hot.begin() as work:
        task = await work.tasks.get(DEFAULT_TENANT, id_)
        task.reopen("again", work.now)
        await work.tasks.save(task)
        await work.commit()
    assert await give_up(hot, MINUTE) == 0
    assert (await hot.live(id_)).status == "PENDING"
    assert await give_up(hot, HOUR) == given_up
