"""An operator's retry takes up again what did not run because the task had failed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from bootstrap.container import Container
from infrastructure.sql.scheduling.task_tables import tasks
from tests.integration.rest.api import Api
from tests.integration.rest.test_following_api import House
from tests.integration.rest.test_waiting_fires_api import fire, now_of, scheduled, seen


@pytest.fixture
async def house(api: Api, container: Container) -> House:
    await api.register()
    return House(api, container)


async def chain(house: House) -> None:
    """a → b → c → d."""
    await house.job("a")
    for name, upstream in zip("bcd", "abc", strict=True):
        await house.job(name, upstream)


async def retry(house: House, task: str, **wish: Any) -> Any:
    answer = await house.api.post(f"/tasks/{task}/retry", wish)
    await house.judge()
    return answer


async def test_all_that_was_skipped_because_of_it_waits_again_and_runs(house: House) -> None:
    await chain(house)
    run = await house.run("a")
    await house.work(a="FAIL")
    assert await house.statuses(run) == {"a": "FAILED"} | dict.fromkeys("bcd", "SKIPPED")
    answer = await retry(house, run, reason="disk is back", downstream=True)
    assert answer["status"] == "PENDING"
    assert await house.statuses(run) == {"a": "PENDING"} | dict.fromkeys("bcd", "BLOCKED")
    assert {task["statusReason"] for task in await house.tasks(run)} == {"disk is back"}
    assert (await house.api.get(f"/runs/{run}"))["state"] == "RUNNING"
    assert [await house.work() for _ in range(5)] == [["a"], ["b"], ["c"], ["d"], []]
    assert await house.statuses(run) == dict.fromkeys("abcd", "COMPLETED")
    assert (await house.api.get(f"/runs/{run}"))["state"] == "COMPLETED"
    occurrences = (await house.api.get("/jobs/d/occurrences"))["items"]
    assert [entry["decision"] for entry in occurrences] == ["FIRED"]


async def test_without_it_they_stay_as_they_are(house: House) -> None:
    await chain(house)
    run = await house.run("a")
    await house.work(a="FAIL")
    await retry(house, run)
    assert await house.work() == ["a"]
    assert await house.statuses(run) == {"a": "COMPLETED"} | dict.fromkeys("bcd", "SKIPPED")


async def test_what_fails_again_is_left_out_again_and_can_be_retried_again(house: House) -> None:
    await chain(house)
    run = await house.run("a")
    await house.work(a="FAIL")
    await retry(house, run, downstream=True)
    await house.work(a="FAIL")
    assert await house.statuses(run) == {"a": "FAILED"} | dict.fromkeys("bcd", "SKIPPED")
    await house.api.call("POST", f"/tasks/{run}/retry", params={"downstream": "true"})
    assert [await house.work() for _ in range(4)] == [["a"], ["b"], ["c"], ["d"]]


async def test_who_waits_for_two_that_failed_runs_when_both_were_retried(house: House) -> None:
    for name, *upstreams in (("a",), ("b", "a"), ("c", "a"), ("d", "b", "c"), ("e", "d")):
        await house.job(name, *upstreams)
    run = await house.run("a")
    await house.work()
    await house.work(b="FAIL", c="FAIL")
    ids = {task["jobName"]: task["id"] for task in await house.tasks(run)}
    for name in "bc":
        await retry(house, ids[name], downstream=True)
        assert await house.work() == [name]
    assert [await house.work() for _ in range(3)] == [["d"], ["e"], []]


async def test_who_needs_one_of_two_that_failed_runs_when_either_was_retried(house: House) -> None:
    for name, *upstreams in (("a",), ("b", "a"), ("c", "a")):
        await house.job(name, *upstreams)
    condition = {"job": "a", "type": "CONDITIONAL", "condition": "result.n > 1"}
    await house.job("d", condition, "b", "c", dependencyPolicy={"join": "ANY"})
    await house.job("e", "d")
    run = await house.run("a")
    await house.work(a={"n": 1})
    await house.work(b="FAIL", c="FAIL")
    found = {task["jobName"]: task for task in await house.tasks(run)}
    assert found["d"]["status"] == "SKIPPED"
    await retry(house, found["c"]["id"], downstream=True)
    assert [await house.work() for _ in range(4)] == [["c"], ["d"], ["e"], []]


async def test_a_fire_of_a_schedule_that_was_left_out_waits_again_as_long_as_it_may(house: House) -> None:
    await scheduled(house, "up")
    await scheduled(house, "down", {"type": "SAME"}, dependencyPolicy={"onUnsatisfied": "FAIL", "waitTimeout": "PT5M"})
    now = await now_of(house)
    await fire(house, "up", now)
    await fire(house, "down", now)
    await house.work(up="FAIL")
    assert await seen(house, "down") == ["FAILED"]
    (up,) = (await house.api.get("/tasks/job/up"))["items"]
    await retry(house, up["id"], downstream=True)
    assert await seen(house, "down") == ["BLOCKED"]
    async with house.container.work() as work:
        (until,) = (await work.execute(sa.select(tasks.c.wait_until).where(tasks.c.gate == "DEPENDENCY"))).one()
        assert timedelta(0) < until - work.now <= timedelta(minutes=5)
    assert [await house.work() for _ in range(2)] == [["up"], ["down"]]
    assert await seen(house, "down") == ["COMPLETED"]


async def test_a_job_that_depends_on_nothing_any_more_is_left_as_it_is(house: House) -> None:
    await chain(house)
    run = await house.run("a")
    await house.work(a="FAIL")
    changes = {"dependencies": None, "trigger": {"type": "MANUAL"}}
    assert (await house.api.call("PUT", "/jobs/c", changes)).is_success
    await retry(house, run, downstream=True)
    assert await house.statuses(run) == {"a": "PENDING", "b": "BLOCKED", "c": "SKIPPED", "d": "SKIPPED"}


async def test_what_was_retried_by_itself_meanwhile_is_not_taken_back(house: House) -> None:
    await scheduled(house, "up")
    await scheduled(house, "down", {"type": "SAME"}, dependencyPolicy={"onUnsatisfied": "FAIL"})
    now = await now_of(house)
    await fire(house, "up", now)
    await fire(house, "down", now)
    await house.work(up="FAIL")
    (up,) = (await house.api.get("/tasks/job/up"))["items"]
    (down,) = (await house.api.get("/tasks/job/down"))["items"]
    await retry(house, down["id"])
    await house.work(down="FAIL")
    await retry(house, up["id"], downstream=True)
    assert await seen(house, "down") == ["FAILED"]


async def test_a_cancelled_run_is_not_taken_up_again(house: House) -> None:
    await chain(house)
    run = await house.run("a")
    await house.api.post(f"/runs/{run}/cancel", {"reason": "wrong day"})
    await house.judge()
    problem = await house.api.refusal("POST", f"/tasks/{run}/retry", {"downstream": True})
    assert (problem["status"], problem["code"]) == (409, "RUN_CANCELLED")
    assert "wrong day" in problem["detail"]
    assert (await house.statuses(run))["a"] == "CANCELLED"
    await retry(house, run)
    assert await house.work() == ["a"]
