"""Judgements: left with the end of a task, taken once, and what they come to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from domain.scheduling.graph import Dependent, Link
from domain.scheduling.ids import JobId, RunId, TaskId
from domain.scheduling.job import Job
from domain.scheduling.job_types.built_in import WORKFLOW
from domain.scheduling.policies import Timeouts
from domain.scheduling.ports.judgement_queue import Conclusion, Judgement, LeftOut, Waiting
from domain.scheduling.task import TaskError
from domain.scheduling.task_status import Gate, TaskStatus
from domain.shared.ids import DEFAULT_TENANT
from domain.shared.json_value import JsonText
from infrastructure.sql.engine import Store
from infrastructure.sql.scheduling.task_tables import task_history
from tests.contract.builders import HOUR, MINUTE
from tests.contract.hot_tasks import FIRST_LANE, Begin, HotTasks, ended, leases

NOW = timedelta(0)


@pytest.fixture
def hot(store: Store, begin: Begin) -> HotTasks:
    return HotTasks(store, begin)


async def depend(hot: HotTasks, job: Job, *upstreams: Job) -> None:
    links = tuple(Link(upstream=up.id, name=up.definition.name) for up in upstreams)
    async with hot.begin() as work:
        await work.graph.put(
            DEFAULT_TENANT, Dependent(job_id=job.id, name=job.definition.name, links=links, follows=True)
        )
        await work.commit()


async def chain(hot: HotTasks, *names: str) -> list[Job]:
    """Each depends on the one before."""
    jobs = [await hot.job(name) for name in names]
    for upstream, job in pairwise(jobs):
        await depend(hot, job, upstream)
    return jobs


async def waiting(hot: HotTasks, job: Job, count: int = 1, **fields: Any) -> list[TaskId]:
    return await hot.add(job, count, gate=Gate.DEPENDENCY, **fields)


async def take(hot: HotTasks, limit: int = 10) -> Sequence[Judgement]:
    async with hot.begin() as work:
        taken = await work.judgements.take(limit)
        await work.commit()
    return taken


def told(job: Job, run: TaskId) -> Judgement:
    return Judgement(tenant=DEFAULT_TENANT, job_id=job.id, run_id=RunId(run))


async def conclude(hot: HotTasks, *ends: Conclusion) -> None:
    async with hot.begin() as work:
        await work.judgements.conclude(ends)
        await work.commit()


def skipped(task_id: TaskId, cause: TaskId | None = None) -> Conclusion:
    return Conclusion(task_id=task_id, status=TaskStatus.SKIPPED, reason="up failed", cause=cause)


async def test_an_end_is_told_to_each_job_that_depends_on_it_and_once(hot: HotTasks) -> None:
    up, one, other = [await hot.job(name) for name in ("up", "one", "other")]
    await depend(hot, one, up)
    await depend(hot, other, up)
    session = await hot.session()
    held = await hot.running(session, 2, up)
    await hot.settle(session, *map(ended, held))
    expected = {told(job, task) for job in (one, other) for task, _ in held}
    first, second = await take(hot, 3), await take(hot, 3)
    assert (len(first), len(second)) == (3, 1)
    assert {*first, *second} == expected
    assert await take(hot) == []


async def test_what_is_told_twice_is_taken_as_one(hot: HotTasks) -> None:
    up, down = await chain(hot, "up", "down")
    (task,) = await waiting(hot, down)
    async with hot.begin() as work:
        await work.judgements.ask_again(down.id)
        await work.judgements.ask_again(up.id)  # of this one nothing waits
        await work.commit()
    assert await take(hot) == [told(down, task)]
    assert await take(hot) == []


async def test_what_is_not_committed_is_taken_again(hot: HotTasks) -> None:
    _, down = await chain(hot, "up", "down")
    (task,) = await waiting(hot, down)
    async with hot.begin() as work:
        assert len(await work.judgements.take(1)) == 1
    assert await take(hot) == [told(down, task)]


async def test_those_that_wait_are_found_by_their_jobs_and_with_what_is_to_be_filled(hot: HotTasks) -> None:
    _, down = await chain(hot, "up", "down")
    other = await hot.job("other")
    places = JsonText('{"x":"${upstream.up.result}"}')
    async with hot.begin() as work:
        now = work.now.replace(microsecond=0)
    (plain,) = await waiting(hot, down, nominal_at=now - HOUR, wait_until=now + HOUR)
    (filled,) = await waiting(hot, down, nominal_at=now, parameters=places)
    await waiting(hot, other)
    await hot.add(down)  # this one waits for nobody
    async with hot.begin() as work:
        found = await work.judgements.waiting([down.id])
    common: dict[str, Any] = {"tenant": DEFAULT_TENANT, "job_id": down.id}
    assert found == [
        Waiting(task_id=plain, run_id=RunId(plain), nominal=now - HOUR, wait_until=now + HOUR, **common),
        Waiting(task_id=filled, run_id=RunId(filled), nominal=now, wait_until=None, parameters=places, **common),
    ]


async def test_who_has_waited_too_long_comes_up_the_longest_first(hot: HotTasks) -> None:
    job = await hot.job()
    async with hot.begin() as work:
        now = work.now.replace(microsecond=0)
        assert await work.judgements.next_timeout() is None
    (second,) = await waiting(hot, job, wait_until=now - MINUTE)
    (first,) = await waiting(hot, job, wait_until=now - HOUR)
    await waiting(hot, job, wait_until=now + HOUR)
    await waiting(hot, job)
    async with hot.begin() as work:
        assert [each.task_id for each in await work.judgements.overdue(now, 10)] == [first, second]
        assert [each.task_id for each in await work.judgements.overdue(now, 1)] == [first]
        assert await work.judgements.next_timeout() == now - HOUR


async def test_who_is_released_stands_in_the_queue_from_now_on(hot: HotTasks) -> None:
    job = await hot.job(timeouts=Timeouts(queue=HOUR))
    first, second, third = await waiting(hot, job, 3, after=-HOUR, wait_until=None)
    given = JsonText('{"command":["false"]}')
    async with hot.begin() as work:
        released = await work.judgements.release({first: None, second: given})
        now = work.now
        await work.commit()
    assert released == {FIRST_LANE: 2}
    for task_id in (first, second):
        row = await hot.live(task_id)
        assert (row.status, row.gate, row.wait_until) == ("PENDING", None, None)
        assert (row.ready_at, row.expires_at) == (now, now + HOUR)
    assert (await hot.live(second)).parameters == given
    assert (await hot.live(first)).parameters != given
    assert (await hot.live(third)).gate == "DEPENDENCY"
    async with hot.begin() as work:
        assert await work.judgements.release({first: None}) == {}  # it waits no more
    session = await hot.session()
    assert [task.id for task in await hot.claim(session, 5)] == [first, second]


async def test_who_is_concluded_has_ended_and_tells_those_who_depend_on_it(hot: HotTasks) -> None:
    up, middle, last = await chain(hot, "up", "middle", "last")
    (cause,) = await hot.add(up)
    skipped_one, failed_one = await waiting(hot, middle, 2)
    (pending,) = await hot.add(middle)
    await take(hot)
    error = TaskError("DEPENDENCIES_UNSATISFIED", "up failed")
    failed = Conclusion(task_id=failed_one, status=TaskStatus.FAILED, reason="up failed", error=error, cause=cause)
    await conclude(hot, skipped(skipped_one, cause), failed, skipped(pending))
    for task_id, status in ((skipped_one, "SKIPPED"), (failed_one, "FAILED")):
        row = await hot.history(task_id)
        assert (row.status, row.status_reason, row.gate, row.cause_id) == (status, "up failed", None, cause)
        assert row.ended_at is not None
    assert (await hot.live(pending)).status == "PENDING"  # it did not wait
    assert set(await take(hot)) == {told(last, skipped_one), told(last, failed_one)}
    events = await hot.events("TaskSkipped", "TaskFailed")
    assert [(event["type"], event["taskId"]) for event in events] == [
        ("TaskSkipped", str(skipped_one)),
        ("TaskFailed", str(failed_one)),
    ]


async def test_workflows_complete_by_themselves_and_tell_of_it(hot: HotTasks) -> None:
    flow = await hot.job("flow", type=WORKFLOW.name, parameters={})
    after = await hot.job("after")
    await depend(hot, after, flow)
    first, second = await hot.add(flow, 2)
    await hot.add(flow, gate=Gate.TIME, after=HOUR)
    (command,) = await hot.add(after)
    async with hot.begin() as work:
        await work.lanes.number(flow.lane)
        assert set(await work.judgements.complete_workflows(10)) == {first, second}
        assert await work.judgements.complete_workflows(10) == []
        await work.commit()
    row = await hot.history(first)
    assert (row.status, row.attempt) == ("COMPLETED", 1)
    assert row.started_at == row.ended_at
    assert (await hot.live(command)).status == "PENDING"
    assert set(await take(hot)) == {told(after, first), told(after, second)}


async def left_out(hot: HotTasks, cause: TaskId) -> set[TaskId]:
    async with hot.begin() as work:
        found = await work.judgements.left_out(cause)
    assert all(isinstance(each, LeftOut) for each in found)
    return {each.task_id for each in found}


async def test_what_was_left_out_is_found_along_causes_and_along_the_edges_of_its_run(hot: HotTasks) -> None:
    a, b, c = await chain(hot, "a", "b", "c")
    beside = await hot.job("beside")
    await depend(hot, beside, a, b)
    session = await hot.session()
    [(root, token)] = await hot.running(session, 1, a)
    run = RunId(root)
    await hot.settle(session, ended((root, token), TaskStatus.FAILED))
    (one,), (two,), (third,) = [await waiting(hot, job, run_id=run) for job in (b, c, beside)]
    (of_schedule,), (of_nobody,) = await waiting(hot, b), await waiting(hot, b, run_id=run)
    stranger = TaskId(RunId((await hot.add(a))[0]))
    await conclude(
        hot,
        skipped(one, root),
        skipped(two, one),
        skipped(third, stranger),  # of several that are to blame only one is named
        skipped(of_schedule, root),
        skipped(of_nobody),
    )
    assert await left_out(hot, root) == {one, two, third, of_schedule}
    assert await left_out(hot, one) == {two, third}
    async with hot.begin() as work:
        await work.graph.remove(b.id)
        await work.commit()
    assert await left_out(hot, root) == {third}  # who depends on nothing waits for nothing


async def test_who_never_ran_may_wait_again_and_leaves_a_judgement(hot: HotTasks) -> None:
    up, down = await chain(hot, "up", "down")
    (cause,) = await hot.add(up)
    one, other = await waiting(hot, down, 2)
    session = await hot.session()
    [lease] = leases(await hot.claim(session, 1))
    await hot.settle(session, ended(lease, TaskStatus.FAILED))
    await take(hot)
    await conclude(hot, skipped(one, cause), skipped(other, cause))
    async with hot.begin() as work:
        until = work.now.replace(microsecond=0) + HOUR
        back = await work.judgements.wait_again({one: until, cause: until}, "mended")
        await work.commit()
    assert back == [one]  # the other one that was named has run
    row = await hot.live(one)
    assert (row.status, row.gate, row.status_reason) == ("BLOCKED", "DEPENDENCY", "mended")
    assert (row.wait_until, row.ended_at, row.cause_id) == (until, None, None)
    assert await take(hot) == [told(down, one)]
    assert await hot.count(task_history) == {"FAILED": 1, "SKIPPED": 1}
    assert JobId(row.job_id) == down.id
