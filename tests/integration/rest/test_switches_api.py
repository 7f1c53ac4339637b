"""Kill switches: what they stop, what goes on, and where they are seen."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from application.scheduling.switches import Switches
from bootstrap.container import Container
from tests.integration.rest.api import Api

EVERY_SECOND = {"type": "FIXED_RATE", "every": "PT1S"}


async def test_while_firing_is_stopped_schedules_stay_due(api: Api, container: Container) -> None:
    stopped = await api.post("/cluster/firing/stop?reason=database%20moves")
    assert [(s["kind"], s["pool"], s["reason"], s["by"]) for s in stopped["stopped"]] == [
        ("FIRING", None, "database moves", "local")
    ]
    job = await api.create_job(trigger=EVERY_SECOND)
    await asyncio.sleep(1.1)
    assert await container.planner().tick() == timedelta(seconds=5)
    assert (await api.get("/tasks"))["items"] == []
    manual = await api.post(f"/jobs/{job['id']}/trigger")
    assert manual["status"] == "PENDING"
    await api.post(f"/tasks/{manual['id']}/cancel")
    assert (await api.post("/cluster/firing/start"))["stopped"] == []
    await container.planner().tick()
    assert len((await api.get("/tasks", status="PENDING"))["items"]) == 1


async def test_while_claiming_is_stopped_executors_get_nothing_and_what_runs_goes_on(api: Api) -> None:
    await api.create_job(overlap="ALLOW")
    await api.register()
    running, waiting, named = [await api.post("/jobs/backup/trigger") for _ in range(3)]
    (item,) = (await api.claim(most=1))["tasks"]
    await api.post("/cluster/claiming/stop", {"reason": "a bad release"})
    await api.post("/cluster/claiming/stop", {"reason": "another reason"})
    assert [s["reason"] for s in (await api.get("/cluster/status"))["stopped"]] == ["a bad release"]
    await api.post(f"/tasks/{named['id']}/assign?executorId=worker-1")
    assert (await api.claim())["tasks"] == []
    done = {"taskId": item["taskId"], "token": item["token"], "kind": "COMPLETE"}
    assert (await api.report(done))[0] == {"taskId": running["id"], "outcome": "APPLIED"}
    await api.post("/cluster/claiming/start")
    assert [task["taskId"] for task in (await api.claim())["tasks"]] == [named["id"]]
    assert [task["taskId"] for task in (await api.claim())["tasks"]] == [waiting["id"]]


async def test_a_waiting_claim_gets_its_tasks_once_claiming_goes_on(api: Api) -> None:
    await api.create_job()
    await api.register()
    await api.post("/cluster/claiming/stop?reason=x")
    await api.post("/jobs/backup/trigger")
    claim = asyncio.create_task(api.claim(wait="PT4S"))
    await asyncio.sleep(0.2)
    assert not claim.done()
    await api.post("/cluster/claiming/start")
    assert len((await claim)["tasks"]) == 1


async def test_a_paused_pool_keeps_its_tasks(api: Api) -> None:
    await api.create_job("a", placement={"pool": "gpu"})
    await api.create_job("b")
    await api.register("of-gpu", pool="gpu")
    await api.register("worker-1")
    paused = await api.post("/pools/gpu/pause?reason=drivers")
    assert [(s["kind"], s["pool"]) for s in paused["stopped"]] == [("POOL", "gpu")]
    for name in ("a", "b"):
        await api.post(f"/jobs/{name}/trigger")
    assert (await api.claim(executor="of-gpu"))["tasks"] == []
    assert len((await api.claim())["tasks"]) == 1
    await api.post("/pools/gpu/resume")
    assert len((await api.claim(executor="of-gpu"))["tasks"]) == 1


async def test_another_node_learns_of_a_switch(api: Api, container: Container) -> None:
    node = Switches(container.work, container.clock(), container.wake_up())
    await api.post("/cluster/firing/stop?reason=x")
    assert await node.firing_is_stopped()


@pytest.mark.parametrize("path", ["/cluster/firing/stop", "/cluster/claiming/stop", "/pools/gpu/pause"])
async def test_a_switch_needs_a_reason(api: Api, path: str) -> None:
    body: dict[str, Any] | None
    for body in (None, {}, {"reason": ""}):
        problem = await api.refusal("POST", path, body)
        assert (problem["status"], problem["errors"][0]["parameter"]) == (400, "reason")
    assert (await api.get("/cluster/status"))["stopped"] == []


async def test_what_can_be_no_pool_is_refused(api: Api) -> None:
    for pool, pointer in (("x" * 129, "/pool"), ("a%1bb", "/pool")):
        for verb in ("pause?reason=x", "resume"):
            problem = await api.refusal("POST", f"/pools/{pool}/{verb}")
            assert (problem["status"], problem["errors"][0]["pointer"]) == (422, pointer)
