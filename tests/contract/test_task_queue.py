"""Sets of tasks inside a unit of work: created, taken, settled, let go and opened, or left as they were."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from domain.scheduling.errors import JobNotFound
from domain.scheduling.ids import ExecutorId, JobId
from domain.scheduling.placement import Placement
from domain.scheduling.policies import Timeouts
from domain.scheduling.ports.task_queue import Session
from domain.scheduling.priority import Priority, rank
from domain.scheduling.retry import RetryPolicy
from domain.scheduling.settlement import EXECUTION_TIMEOUT, lose, time_out
from domain.scheduling.task import STOP_GRACE, Origin, TaskError
from domain.scheduling.task_status import Gate, TaskStatus
from domain.shared.ids import DEFAULT_TENANT
from domain.shared.json_value import JsonText
from infrastructure.sql.engine import Store
from infrastructure.sql.scheduling.task_tables import task_attempts, task_history, tasks
from tests.contract.builders import HOUR, MINUTE, rows
from tests.contract.hot_tasks import FIRST_LANE, Begin, HotTasks, ended, new_task

NOBODY = Session(executor_id=ExecutorId("nobody"), epoch=1)
TOO_LONG = TaskError(EXECUTION_TIMEOUT, "it took too long")
MANY = 100
TIMEOUT, WAITING_RETRY = TaskStatus.TIMEOUT, TaskStatus.WAITING_RETRY


@pytest.fixture
def hot(store: Store, begin: Begin) -> HotTasks:
    return HotTasks(store, begin)


async def test_a_new_task_has_the_settings_of_its_job_and_its_own_parameters(hot: HotTasks) -> None:
    limits = Timeouts(execution=MINUTE, queue=HOUR)
    retry = RetryPolicy(max_attempts=7)
    job = await hot.job(priority=Priority(7), timeouts=limits, retry=retry)
    async with hot.begin() as work:
        own = {"origin": Origin.MANUAL, "fire_key": "manual:1", "parameters": JsonText('{"n": 1.50}')}
        new = new_task(job.id, work.now, nominal_at=work.now - MINUTE, **own)
        assert await work.queue.add([new]) == {FIRST_LANE: 1}
        await work.commit()
    row = await hot.live(new.id)
    assert (row.tenant, row.job_id, row.job_name, row.job_version) == ("default", job.id, "backup", 1)
    assert (row.status, row.gate, row.lane, row.origin, row.fire_key) == ("PENDING", None, 1, "MANUAL", "manual:1")
    assert (row.priority, row.max_attempts, row.timeout_s, row.attempt, row.version) == (7, 7, 60, 0, 1)
    assert row.rank == rank(new.scheduled_time, Priority(7))
    assert (row.scheduled_time, row.ready_at, row.nominal_at) == (new.scheduled_time,) * 2 + (new.nominal_at,)
    assert row.expires_at == new.scheduled_time + HOUR
    assert row.created_at == new.scheduled_time
    assert row.parameters == '{"n": 1.50}'


async def test_without_parameters_of_its_own_a_task_has_those_of_its_job(hot: HotTasks) -> None:
    (id_,) = await hot.add(await hot.job(parameters={"command": ["echo", "ü"]}))
    assert "echo" in (await hot.live(id_)).parameters


async def test_only_those_without_a_gate_came_to_stand_in_a_lane(hot: HotTasks) -> None:
    here, there = await hot.job("here"), await hot.job("there", placement=Placement(pool="gpu"))
    counted = [await hot.add(here, 2), await hot.add(there, 3)]
    async with hot.begin() as work:
        gates = ((here, None), (here, Gate.TIME), (there, None), (there, Gate.PAUSED), (there, None))
        new = [new_task(job.id, work.now, gate=gate) for job, gate in gates]
        assert await work.queue.add(new) == {FIRST_LANE: 1, FIRST_LANE + 1: 2}
        assert await work.queue.add([]) == {}
    assert await hot.count(tasks) == {"PENDING": sum(map(len, counted))}


async def test_a_task_of_an_unknown_job_is_refused_with_all_that_came_along(hot: HotTasks) -> None:
    job = await hot.job()
    unknown = JobId(uuid4())
    async with hot.begin() as work:
        with pytest.raises(JobNotFound, match=str(unknown)):
            await work.queue.add([new_task(id_, work.now) for id_ in (job.id, unknown)])
    assert await rows(hot.store, tasks) == []


async def test_gate_time_opens_when_a_task_is_ready(hot: HotTasks) -> None:
    session = await hot.session()
    job = await hot.job()
    (soon,) = await hot.add(job, after=MINUTE, gate=Gate.TIME)
    (later,) = await hot.add(job, after=HOUR, gate=Gate.TIME)
    await hot.add(job, gate=Gate.PAUSED)
    ready_at = (await hot.live(soon)).ready_at
    async with hot.begin() as work:
        assert await work.queue.next_opening() == ready_at
        assert await work.queue.open_due(ready_at - timedelta(microseconds=1), MANY) == {}
        assert await work.queue.open_due(ready_at, MANY) == {FIRST_LANE: 1}
        assert await work.queue.next_opening() == (await hot.live(later)).ready_at
        await work.commit()
    assert [task.id for task in await hot.claim(session, 5)] == [soon]


async def test_gates_open_oldest_first_and_no_more_than_asked(hot: HotTasks) -> None:
    job = await hot.job()
    ids = [(await hot.add(job, after=MINUTE * n, gate=Gate.TIME))[0] for n in (3, 1, 2)]
    async with hot.begin() as work:
        assert await work.queue.open_due(work.now + HOUR, 2) == {FIRST_LANE: 2}
        await work.commit()
    assert (await hot.live(ids[0])).gate == "TIME"
    assert [(await hot.live(id_)).gate for id_ in ids[1:]] == [None, None]


async def test_without_closed_gates_there_is_no_next_opening(hot: HotTasks) -> None:
    await hot.add(await hot.job())
    async with hot.begin() as work:
        assert await work.queue.next_opening() is None


async def test_attempts_past_their_deadline_are_taken_until_they_are_stopping(hot: HotTasks) -> None:
    session = await hot.session()
    late = await hot.running(session, 3, await hot.job("limited", timeouts=Timeouts(execution=MINUTE)))
    await hot.running(session)
    async with hot.begin() as work:
        assert await work.queue.take_overdue(work.now, MANY) == []
        assert len(await work.queue.take_overdue(work.now + HOUR, 2)) == 2
        overdue = await work.queue.take_overdue(work.now + HOUR, MANY)
        assert {(a.task_id, a.token, a.executor_id) for a in overdue} == {(*lease, "e1") for lease in late}
        applied = await work.queue.settle([time_out(attempt, TOO_LONG, work.now, 0.5) for attempt in overdue])
        assert applied == sorted(task_id for task_id, _ in late)
        assert await work.queue.take_overdue(work.now + HOUR, MANY) == []
        await work.commit()
    assert await hot.count(tasks) == {"WAITING_RETRY": 3, "RUNNING": 1}
    assert {event["errorCode"] for event in await hot.events("TaskRetryScheduled")} == {EXECUTION_TIMEOUT}
    assert {record.status for record in await rows(hot.store, task_attempts)} == {"TIMEOUT"}


async def test_the_last_timeout_is_final_at_once_and_leaves_when_its_grace_is_over(hot: HotTasks) -> None:
    session = await hot.session()
    job = await hot.job(timeouts=Timeouts(execution=MINUTE), retry=RetryPolicy(max_attempts=1))
    (lease,) = await hot.running(session, job=job)
    async with hot.begin() as work:
        (attempt,) = await work.queue.take_overdue(work.now + HOUR, MANY)
        await work.queue.settle([time_out(attempt, TOO_LONG, work.now, 0.5)])
        await work.commit()
    row = await hot.live(lease[0])
    assert (row.status, row.executor_id, row.token) == ("TIMEOUT", "e1", lease[1])
    assert row.stopping_until == row.ended_at + STOP_GRACE
    async with hot.begin() as work:
        just_before = row.stopping_until - timedelta(microseconds=1)
        assert await work.queue.let_go_expired(just_before, MANY) == 0
        assert await work.queue.let_go_expired(row.stopping_until, MANY) == 1
        await work.commit()
    ended_row = await hot.history(lease[0])
    assert (ended_row.status, ended_row.stopping_until, ended_row.ended_at) == ("TIMEOUT", None, row.ended_at)
    assert len(await hot.events("TaskTimedOut")) == 1
    assert await rows(hot.store, task_attempts) == []


async def test_what_a_claim_took_while_its_session_ended_is_found(hot: HotTasks) -> None:
    gone, live = await hot.session(), await hot.session("e2")
    held = [*await hot.running(gone, 2), *await hot.running(gone, 1, started=False)]
    await hot.running(live, 1)
    async with hot.begin() as work:
        assert await work.queue.take_abandoned(MANY) == []
        executor = await work.executors.get(DEFAULT_TENANT, gone.executor_id)
        executor.leave(work.now)
        await work.executors.save(executor)
        assert len(await work.queue.take_abandoned(2)) == 2
        abandoned = await work.queue.take_abandoned(MANY)
        assert {(a.task_id, a.token) for a in abandoned} == set(held)
        assert len(await work.queue.settle([lose(a, "its session had ended", work.now) for a in abandoned])) == 3
        assert await work.queue.take_abandoned(MANY) == []
        await work.commit()
    assert await hot.count(tasks) == {"WAITING_RETRY": 3, "RUNNING": 1}


async def test_what_a_session_holds_goes_back_when_it_is_over(hot: HotTasks) -> None:
    session = await hot.session()
    held = [*await hot.running(session, 2), *await hot.running(session, 1, started=False)]
    other = await hot.running(await hot.session("e2"))
    async with hot.begin() as work:
        assert await work.queue.take_held(NOBODY) == []
        assert await work.queue.take_held(Session(executor_id=session.executor_id, epoch=2)) == []
        among = await work.queue.take_held(session, [held[0][0], other[0][0]])
        assert [a.task_id for a in among] == [held[0][0]]
        assert await work.queue.take_held(session, []) == []
        attempts = await work.queue.take_held(session)
        assert {(a.task_id, a.token) for a in attempts} == set(held)
        assert len(await work.queue.settle([lose(a, "its executor was lost", work.now) for a in attempts])) == 3
        assert await work.queue.take_held(session) == []
        await work.commit()
    assert await hot.count(tasks) == {"WAITING_RETRY": 3, "RUNNING": 1}
    assert {task.attempt for task in await hot.claim(await hot.session("e3"), MANY)} == {2}


async def test_what_a_lost_session_was_stopping_has_stopped(hot: HotTasks) -> None:
    session = await hot.session()
    final, again = await hot.running(session, 2)
    (other,) = await hot.running(await hot.session("e2"))
    async with hot.begin() as work:
        until = work.now + STOP_GRACE
        stops = [
            ended(final, TIMEOUT, error=TOO_LONG, stopping_until=until),
            ended(again, WAITING_RETRY, error=TOO_LONG, stopping_until=until, ready_at=work.now),
            ended(other, TIMEOUT, error=TOO_LONG, stopping_until=until),
        ]
        assert len(await work.queue.settle(stops)) == 3
        assert await work.queue.let_go(NOBODY) == 0
        assert await work.queue.let_go(session) == 2
        await work.commit()
    assert (await hot.history(final[0])).status == "TIMEOUT"
    row = await hot.live(again[0])
    assert (row.status, row.gate, row.executor_id, row.stopping_until) == ("WAITING_RETRY", "TIME", None, None)
    assert (await hot.live(other[0])).executor_id == "e2"


async def test_what_was_told_to_stop_while_its_session_ended_has_stopped(hot: HotTasks) -> None:
    gone, live = await hot.session(), await hot.session("e2")
    (final, again), (other,) = await hot.running(gone, 2), await hot.running(live)
    async with hot.begin() as work:
        until = work.now + STOP_GRACE
        stops = [
            ended(final, TIMEOUT, error=TOO_LONG, stopping_until=until),
            ended(again, WAITING_RETRY, error=TOO_LONG, stopping_until=until, ready_at=work.now),
            ended(other, TIMEOUT, error=TOO_LONG, stopping_until=until),
        ]
        assert len(await work.queue.settle(stops)) == 3
        assert await work.queue.let_go_expired(work.now, MANY) == 0
        executor = await work.executors.get(DEFAULT_TENANT, gone.executor_id)
        executor.leave(work.now)
        await work.executors.save(executor)
        assert await work.queue.let_go_expired(work.now, 1) == 1
        assert await work.queue.let_go_expired(work.now, MANY) == 1
        await work.commit()
    assert (await hot.history(final[0])).status == "TIMEOUT"
    row = await hot.live(again[0])
    assert (row.status, row.executor_id, row.stopping_until) == ("WAITING_RETRY", None, None)
    assert (await hot.live(other[0])).executor_id == "e2"


async def test_a_unit_of_work_that_is_not_committed_leaves_nothing_half_done(hot: HotTasks) -> None:
    session = await hot.session()
    done, again, stopping = await hot.running(session, 3)
    job = await hot.job()
    (closed,) = await hot.add(job, gate=Gate.TIME)
    before = [await hot.live(task_id) for task_id in (done[0], again[0], stopping[0], closed)]
    async with hot.begin() as work:
        settlements = [
            ended(done),
            ended(again, WAITING_RETRY, ready_at=work.now),
            ended(stopping, TIMEOUT, stopping_until=work.now),
        ]
        assert len(await work.queue.settle(settlements)) == 3
        assert await work.queue.let_go_expired(work.now, MANY) == 1
        assert await work.queue.open_due(work.now + HOUR, MANY) == {FIRST_LANE: 1}
    assert [await hot.live(task_id) for task_id in (done[0], again[0], stopping[0], closed)] == before
    assert await rows(hot.store, task_history) == await rows(hot.store, task_attempts) == []
    assert await hot.events("TaskCompleted", "TaskRetryScheduled", "TaskTimedOut") == []
    assert await hot.settle(session, ended(done)) == {done[0]}


async def test_a_definition_that_cannot_be_read_does_not_keep_a_task_from_going_back(hot: HotTasks) -> None:
    session = await hot.session()
    (lease,) = await hot.running(session)
    await hot.put(lease[0], job_version=99)
    async with hot.begin() as work:
        (attempt,) = await work.queue.take_held(session)
    assert attempt.policy == RetryPolicy()
