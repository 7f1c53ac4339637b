"""Fires of a schedule wait for the fires of their upstreams that a match names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from bootstrap.container import Container
from domain.scheduling.ids import JobId
from infrastructure.sql.scheduling.task_tables import tasks
from tests.integration.rest.api import Api
from tests.integration.rest.test_following_api import House

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
YEARLY = {"type": "CRON", "expression": "0 3 1 2 *"}


@pytest.fixture
async def house(api: Api, container: Container) -> House:
    await api.register()
    return House(api, container)


async def scheduled(house: House, name: str, match: dict[str, Any] | None = None, **more: Any) -> None:
    edges = {"dependencies": [{"job": "up", "match": match}]} if match else {}
    await house.job(name, **({"trigger": YEARLY, "overlap": "ALLOW"} | edges | more))


async def now_of(house: House) -> datetime:
    async with house.container.work() as work:
        return work.now.replace(microsecond=0)


async def fire(house: House, name: str, *nominal: datetime) -> None:
    """Let the job fire for these times, one after the other, as the planner does."""
    job_id = JobId(UUID((await house.api.get(f"/jobs/{name}"))["id"]))
    for time in nominal:
        async with house.container.work() as work:
            schedule = await work.schedules.take(job_id)
            await work.schedules.put(replace(schedule, upcoming=(time, *schedule.upcoming)))
            await work.commit()
        await house.container.planner().tick()
    await house.judge()


async def seen(house: House, name: str) -> Sequence[str]:
    """How its tasks stand, the oldest first."""
    items = (await house.api.get(f"/tasks/job/{name}"))["items"]
    return [task["status"] for task in reversed(items)]


async def test_the_fire_of_the_same_time_is_waited_for(house: House) -> None:
    await scheduled(house, "up")
    await scheduled(house, "down", {"type": "SAME"})
    now = await now_of(house)
    await fire(house, "down", now)
    assert await seen(house, "down") == ["SKIPPED"]  # nothing of that time is planned
    other = now - SECOND
    await fire(house, "up", other)
    await fire(house, "down", other)
    assert await seen(house, "down") == ["SKIPPED", "BLOCKED"]
    (task,) = (await house.api.get("/tasks", status="BLOCKED"))["items"]
    assert task["gate"] == "DEPENDENCY"
    assert await house.work() == ["up"]
    assert await house.work() == ["down"]


@pytest.mark.parametrize(("policy", "expected"), [("SKIP", "SKIPPED"), ("FAIL", "FAILED"), ("RUN", "PENDING")])
async def test_what_becomes_of_a_fire_whose_upstream_has_failed_is_for_the_job_to_say(
    house: House, policy: str, expected: str
) -> None:
    await scheduled(house, "up")
    await scheduled(house, "down", {"type": "SAME"}, dependencyPolicy={"onUnsatisfied": policy})
    now = await now_of(house)
    await fire(house, "up", now)
    await fire(house, "down", now)
    await house.work(up="FAIL")
    assert await seen(house, "down") == [expected]
    (task,) = (await house.api.get("/tasks/job/down"))["items"]
    if policy == "FAIL":
        assert task["error"]["code"] == "DEPENDENCIES_UNSATISFIED"
    if policy == "SKIP":
        assert task["statusReason"] == "up ended as FAILED, which is no SUCCESS"


async def test_a_fire_waits_no_longer_than_it_may(house: House) -> None:
    await scheduled(house, "up")
    await scheduled(house, "down", {"type": "LATEST", "maxAge": "PT1H"}, dependencyPolicy={"waitTimeout": "PT5M"})
    await fire(house, "down", await now_of(house))
    assert await seen(house, "down") == ["BLOCKED"]
    async with house.container.work() as work:
        (until,) = (await work.execute(sa.select(tasks.c.wait_until))).one()
        assert timedelta(0) < until - work.now <= timedelta(minutes=5)
        await work.execute(sa.update(tasks).values(wait_until=work.now - SECOND))
        await work.commit()
    await house.judge()
    (task,) = (await house.api.get("/tasks/job/down"))["items"]
    assert task["status"] == "SKIPPED"
    assert task["statusReason"].startswith("it has waited as long as it may: up ")


async def test_the_latest_fire_counts_if_it_is_young_enough(house: House) -> None:
    await scheduled(house, "up")
    await scheduled(house, "down", {"type": "LATEST", "maxAge": "PT1H"})
    now = await now_of(house)
    await fire(house, "up", now - 2 * HOUR)
    await house.work()
    await fire(house, "down", now - 2 * SECOND)
    assert await seen(house, "down") == ["BLOCKED"]
    await house.run("up")
    await house.work()
    assert await seen(house, "down") == ["PENDING"]


async def test_all_fires_of_a_window_have_to_succeed(house: House) -> None:
    await scheduled(house, "up")
    await scheduled(house, "down", {"type": "ALL_IN", "window": "PT1H"})
    now = await now_of(house)
    await fire(house, "up", now - 10 * SECOND, now - 5 * SECOND)
    await fire(house, "down", now - 2 * SECOND)
    assert await seen(house, "down") == ["BLOCKED"]
    await house.work()
    assert await seen(house, "down") == ["PENDING"]
    await house.work()
    await fire(house, "up", now - SECOND)
    await house.work(up="FAIL")
    await fire(house, "down", now)
    assert (await seen(house, "down"))[-1] == "SKIPPED"


async def test_the_fire_before_is_meant_by_previous(house: House) -> None:
    await scheduled(house, "up")
    await scheduled(house, "down", {"type": "PREVIOUS"})
    now = await now_of(house)
    await fire(house, "down", now - 2 * HOUR)
    assert await seen(house, "down") == ["SKIPPED"]
    await fire(house, "up", now - HOUR)
    await fire(house, "down", now)
    assert await seen(house, "down") == ["SKIPPED", "BLOCKED"]
    await house.work()
    assert await seen(house, "down") == ["SKIPPED", "PENDING"]


async def test_a_run_that_somebody_asks_for_waits_for_nobody(house: House) -> None:
    await scheduled(house, "up")
    await scheduled(house, "down", {"type": "SAME"})
    await house.api.post("/jobs/down/trigger")
    assert await house.work() == ["down"]


async def test_what_was_released_is_in_the_way_of_the_next_like_any_other(house: House) -> None:
    await scheduled(house, "up")
    await scheduled(house, "down", {"type": "LATEST", "maxAge": "P1D"}, overlap="SKIP")
    now = await now_of(house)
    await fire(house, "down", now - 2 * SECOND, now - SECOND)
    assert await seen(house, "down") == ["BLOCKED", "BLOCKED"]
    await house.run("up")
    await house.work()
    assert await seen(house, "down") == ["PENDING", "SKIPPED"]


async def test_whoever_depends_on_nothing_any_more_waits_no_longer(house: House) -> None:
    await scheduled(house, "up")
    await scheduled(house, "down", {"type": "LATEST", "maxAge": "P1D"}, overlap="SKIP")
    now = await now_of(house)
    await fire(house, "down", now - 2 * SECOND, now - SECOND)
    assert await seen(house, "down") == ["BLOCKED", "BLOCKED"]
    assert (await house.api.call("PUT", "/jobs/down", {"dependencies": None})).is_success
    await house.judge()
    assert await seen(house, "down") == ["PENDING", "SKIPPED"]


async def test_who_waits_is_judged_by_the_edges_as_they_are_now(house: House) -> None:
    for name in ("up", "other"):
        await scheduled(house, name)
    await scheduled(house, "down", {"type": "LATEST", "maxAge": "P1D"})
    await house.run("other")
    await house.work()
    await fire(house, "down", await now_of(house))
    assert await seen(house, "down") == ["BLOCKED"]
    edge = {"job": "other", "match": {"type": "LATEST", "maxAge": "P1D"}}
    assert (await house.api.call("PUT", "/jobs/down", {"dependencies": [edge]})).is_success
    await house.judge()
    assert await seen(house, "down") == ["PENDING"]


async def test_a_task_that_outlives_its_deleted_job_waits_for_nobody(house: House) -> None:
    await scheduled(house, "up")
    await scheduled(house, "down", {"type": "LATEST", "maxAge": "P1D"})
    await fire(house, "down", await now_of(house))
    assert (await house.api.call("DELETE", "/jobs/down", params={"liveTasks": "KEEP"})).is_success
    await house.judge()
    (task,) = (await house.api.get("/tasks"))["items"]
    assert task["status"] == "PENDING"
