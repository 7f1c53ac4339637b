"""For whom a task waits, edge by edge, and because of whom it never ran."""

from __future__ import annotations

from typing import Any

import pytest

from bootstrap.container import Container
from tests.integration.rest.api import Api
from tests.integration.rest.test_following_api import House
from tests.integration.rest.test_waiting_fires_api import fire, now_of, scheduled

LATEST = {"type": "LATEST", "maxAge": "P1D"}


@pytest.fixture
async def house(api: Api, container: Container) -> House:
    await api.register()
    return House(api, container)


async def explained(house: House, task: str) -> Any:
    return (await house.api.get(f"/tasks/{task}/explain"))["reasons"][0]


async def task_of(house: House, name: str) -> str:
    id_: str = (await house.api.get(f"/tasks/job/{name}"))["items"][0]["id"]
    return id_


async def test_each_edge_has_its_state_and_the_task_that_is_waited_for(house: House) -> None:
    await house.job("a")
    for name in ("ended", "running", "never"):
        await house.job(name)
    edges = [{"job": name, "match": LATEST} for name in ("ended", "running", "never")]
    condition = {"job": "running", "type": "CONDITIONAL", "condition": "result.n > 3", "match": LATEST}
    await house.job("b", "a", edges[0], condition, edges[2], dependencyPolicy={"waitTimeout": "PT2H"})
    await house.run("ended")
    await house.run("a")
    await house.work()
    running = await house.run("running")
    why = await explained(house, await task_of(house, "b"))
    assert why["code"] == "WAITS_FOR_UPSTREAM"
    assert "running is PENDING; never has not run yet. 2 of 4 edges are satisfied, 4 have to be" in why["detail"]
    assert running in why["fix"]
    facts = why["facts"]
    assert (facts["required"], facts["satisfied"]) == (4, 2)
    assert facts["waitUntil"] is not None
    assert [(edge["job"], edge["type"], edge["state"], edge["taskId"]) for edge in facts["edges"]] == [
        ("a", "SUCCESS", "SATISFIED", None),
        ("ended", "SUCCESS", "SATISFIED", None),
        ("running", "CONDITIONAL", "WAITING", running),
        ("never", "SUCCESS", "WAITING", None),
    ]


async def test_who_waits_for_a_fire_that_nobody_has_seen_yet_is_sent_to_its_job(house: House) -> None:
    await scheduled(house, "up")
    await scheduled(house, "down", LATEST)
    await fire(house, "down", await now_of(house))
    why = await explained(house, await task_of(house, "down"))
    assert "up has not run yet. 0 of 1 edges" in why["detail"]
    assert why["fix"].startswith("up has to run first: GET /jobs/up/explain")
    await house.run("up")
    task = (await house.api.claim())["tasks"][0]
    await house.api.report({"taskId": task["taskId"], "token": task["token"], "kind": "COMPLETE"})
    why = await explained(house, await task_of(house, "down"))  # no judge has looked yet
    assert (why["code"], why["facts"]["satisfied"]) == ("ABOUT_TO_BE_LET_IN", 1)


async def test_what_was_left_out_names_the_task_with_which_it_began(house: House) -> None:
    await house.job("a")
    for name, upstream in zip("bcd", "abc", strict=True):
        await house.job(name, upstream)
    run = await house.run("a")
    await house.work(a="FAIL")
    why = await explained(house, await task_of(house, "d"))
    assert why["code"] == "ENDED"
    assert why["facts"]["causeTaskId"] == run
    assert why["fix"].endswith(f"POST /tasks/{run}/retry?downstream=true.")
