"""Tasks come in and reports go out in as few calls as the load allows, and never too many or too late."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable

import pytest

from scheduler_sdk.context import TaskContext
from scheduler_sdk.worker import Worker
from tests.sdk.conftest import Crew
from tests.sdk.fake_server import FakeServer


def worker_with_noop(crew: Crew, **options: int) -> Worker:
    worker = crew.worker(**options)

    @worker.handler("noop")
    async def noop(context: TaskContext, parameters: object) -> object:
        return parameters

    return worker


@pytest.mark.parametrize("slots", [1, 7])
async def test_slots_are_never_exceeded_and_every_task_runs_once(server: FakeServer, crew: Crew, slots: int) -> None:
    worker = crew.worker(slots=slots)
    running: Counter[str] = Counter()
    most = 0
    chance = random.Random(slots)

    @worker.handler("work")
    async def work(context: TaskContext, parameters: object) -> None:
        nonlocal most
        running[context.task_id] += 1
        most = max(most, running.total())
        assert running.total() + server.open_claims[worker.executor_id or ""] <= slots
        await asyncio.sleep(chance.choice([0, 0, 0.001, 0.01]))
        del running[context.task_id]

    tasks = [await server.add(handler="work") for _ in range(150)]
    await crew.start(worker)
    await server.ended(*tasks)
    assert [(task.status, task.attempts) for task in tasks] == [("COMPLETED", 1)] * 150
    assert most <= slots
    assert server.most_open <= slots


async def test_under_load_two_calls_are_under_way_and_reports_ride_with_claims(server: FakeServer, crew: Crew) -> None:
    server.latency = 0.005
    tasks = [await server.add(handler="noop", parameters=number) for number in range(2000)]
    await crew.start(worker_with_noop(crew))
    await server.ended(*tasks)
    assert [task.result for task in tasks] == list(range(2000))
    assert server.most_in_flight == 2
    assert server.count("reports") == 0
    assert server.count("claim") <= 50  # 40 of 50 tasks each
    assert all(not body.get("reports") for body in server.bodies("claim") if body["wait"] != "PT0S")
    assert all(body["started"] for body in server.bodies("claim"))


async def test_with_one_slot_a_task_costs_one_call_while_more_wait(server: FakeServer, crew: Crew) -> None:
    tasks = [await server.add(handler="noop") for _ in range(50)]
    await crew.start(worker_with_noop(crew, slots=1))
    await server.ended(*tasks)
    assert server.count("claim") + server.count("reports") <= 53


async def test_a_finished_task_is_reported_while_a_claim_waits(server: FakeServer, crew: Crew) -> None:
    go_on = asyncio.Event()
    worker = crew.worker()

    @worker.handler("slow")
    async def slow(context: TaskContext, parameters: object) -> None:
        await go_on.wait()

    task = await server.add(handler="slow")
    await crew.start(worker)
    await server.until(lambda: task.status == "RUNNING" and server.open_claims.total() == 50)
    claims = server.count("claim")
    go_on.set()
    await server.ended(task)
    assert (server.count("reports"), server.count("claim"), server.open_claims.total()) == (1, claims, 50)


async def test_without_a_free_slot_a_claim_listens_for_orders(server: FakeServer, crew: Crew) -> None:
    tasks = [await server.command(["sleep", "600"]) for _ in range(2)]
    await crew.start(slots=2)
    await server.until(lambda: [body["max"] for body in server.bodies("claim")][-1:] == [0])
    claims = server.count("claim")
    for task in tasks:
        await server.cancel(task)
    await server.ended(*tasks)
    assert server.count("claim") > claims
    after = await server.command(["true"])
    await server.ended(after)
    assert after.status == "COMPLETED"


async def test_a_repeated_order_does_not_make_the_worker_ask_without_a_pause(server: FakeServer, crew: Crew) -> None:
    server.heartbeat_seconds = 0.1
    task = await server.command("trap '' TERM; echo up; while true; do sleep 0.05; done")
    await crew.start(kill_grace=0.7)
    await server.until(lambda: task.lines)
    claims = server.count("claim")
    await server.cancel(task)
    await server.ended(task)
    assert server.count("claim") - claims < 20


async def test_a_server_that_does_not_wait_is_not_asked_without_a_pause(server: FakeServer, crew: Crew) -> None:
    server.impatient, server.heartbeat_seconds = True, 0.2
    await crew.start()
    await server.until(lambda: server.count("heartbeat") == 3)
    assert server.count("claim") < 20
    task = await server.command(["true"])
    await server.ended(task)


async def test_a_claim_whose_answer_was_lost_is_repeated_as_it_was(server: FakeServer, crew: Crew) -> None:
    tasks = [await server.add(handler="noop") for _ in range(30)]
    server.fail_next("claim", "drop-answer", 503, "drop")
    await crew.start(worker_with_noop(crew, slots=20))
    await server.ended(*tasks)
    first = server.bodies("claim")[:4]
    assert all(body == first[0] for body in first)
    assert [task.attempts for task in tasks] == [1] * 30


async def test_reports_whose_answer_was_lost_are_repeated_as_they_were(server: FakeServer, crew: Crew) -> None:
    await crew.start(worker_with_noop(crew))
    await server.until(server.open_claims.total)
    for verb in ("claim", "reports"):
        server.fail_next(verb, "drop-answer", 500, "no-json")
    tasks = [await server.add(handler="noop", parameters=number) for number in range(20)]
    await server.ended(*tasks)
    assert [task.result for task in tasks] == list(range(20))
    for task in tasks:
        assert len(task.reports) == 1
        assert all(report == task.reports[0] for report in server.reported(task))


async def test_one_malformed_report_does_not_hold_up_the_others(
    server: FakeServer, crew: Crew, messages: Callable[[], list[str]]
) -> None:
    tasks = [await server.add(handler="noop") for _ in range(40)]
    server.poison = {tasks[17].id}
    await crew.start(worker_with_noop(crew))
    others = [task for task in tasks if task is not tasks[17]]
    await server.ended(*others)
    await server.until(lambda: any("is dropped" in message for message in messages()))
    assert {task.status for task in others} == {"COMPLETED"}
    assert tasks[17].id in next(message for message in messages() if "is dropped" in message)


async def test_a_result_that_the_server_does_not_accept_fails_the_task(server: FakeServer, crew: Crew) -> None:
    server.invalid = {"COMPLETE"}
    task = await server.add(handler="noop")
    await crew.start(worker_with_noop(crew))
    await server.ended(task)
    assert (task.error["code"], task.retryable) == ("RESULT_REFUSED", False)
    assert "no COMPLETE today" in task.error["message"]


async def test_lines_that_the_server_does_not_accept_do_not_fail_the_task(server: FakeServer, crew: Crew) -> None:
    server.invalid = {"LOG"}
    task = await server.command("echo x")
    await crew.start()
    await server.ended(task)
    assert (task.status, task.lines) == ("COMPLETED", [])


async def test_a_claim_that_is_refused_is_tried_again_later(
    server: FakeServer, crew: Crew, monkeypatch: pytest.MonkeyPatch, messages: Callable[[], list[str]]
) -> None:
    monkeypatch.setattr("scheduler_sdk.protocol.backoff.LONGEST", 0.1)
    server.fail_next("claim", 422, 400)
    task = await server.add(handler="noop")
    await crew.start(worker_with_noop(crew))
    await server.ended(task)
    assert sum("refuses a claim" in message for message in messages()) == 2
