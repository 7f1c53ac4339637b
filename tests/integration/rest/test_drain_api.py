"""Taking an executor out of service: nothing new, what runs may finish, what is given back goes to others."""

from __future__ import annotations

from typing import Any

from tests.integration.rest.api import Api


def lease_of(item: dict[str, Any]) -> dict[str, Any]:
    return {"taskId": item["taskId"], "token": item["token"]}


async def drained(api: Api) -> list[dict[str, Any]]:
    """Two tasks of an executor that is then drained, while a third one waits."""
    await api.create_job(overlap="ALLOW", retry={"maxAttempts": 1})
    for _ in range(3):
        await api.post("/jobs/backup/trigger")
    await api.register()
    items: list[dict[str, Any]] = (await api.claim(most=2))["tasks"]
    await api.post("/cluster/executors/worker-1/drain", {"reason": "new kernel"})
    return items


async def test_a_draining_executor_is_told_so_gets_nothing_new_and_may_finish(api: Api) -> None:
    first, second = await drained(api)
    running = [lease_of(first), lease_of(second)]
    beat = await api.post("/cluster/executors/worker-1/heartbeat", {"epoch": 1, "running": running})
    assert (beat["drain"], beat["cancel"], beat["lost"]) == (True, [], [])
    assert (await api.claim())["tasks"] == []
    outcomes = await api.report({**lease_of(first), "kind": "COMPLETE"})
    assert [o["outcome"] for o in outcomes] == ["APPLIED"]
    assert (await api.get(f"/tasks/{first['taskId']}"))["status"] == "COMPLETED"
    assert (await api.claim())["tasks"] == []


async def test_what_a_draining_executor_gives_back_goes_to_another_at_once_and_costs_no_attempt(api: Api) -> None:
    first, _ = await drained(api)
    release = {**lease_of(first), "kind": "RELEASE"}
    assert [o["outcome"] for o in await api.report(release, release)] == ["APPLIED", "APPLIED"]
    assert [o["outcome"] for o in await api.report(release)] == ["ALREADY"]
    await api.register("worker-2")
    taken = {item["taskId"]: item for item in (await api.claim(executor="worker-2"))["tasks"]}
    assert len(taken) == 2
    again = taken[first["taskId"]]
    assert again["token"] > first["token"]
    stale = await api.report({**lease_of(first), "kind": "COMPLETE"})
    assert [o["outcome"] for o in stale] == ["LEASE_LOST"]
    done = await api.report({**lease_of(again), "kind": "COMPLETE"}, executor="worker-2")
    assert [o["outcome"] for o in done] == ["APPLIED"]
    task = await api.get(f"/tasks/{first['taskId']}")
    assert (task["status"], task["lost"], task["executorId"]) == ("COMPLETED", 1, "worker-2")


async def test_an_executor_that_is_activated_again_goes_on_in_its_session(api: Api) -> None:
    await drained(api)
    await api.post("/cluster/executors/worker-1/activate")
    assert len((await api.claim())["tasks"]) == 1


async def test_a_result_of_a_hundred_megabytes_is_refused_and_the_attempt_goes_on(api: Api) -> None:
    await api.create_job()
    await api.post("/jobs/backup/trigger")
    await api.register()
    (item,) = (await api.claim())["tasks"]
    report = {**lease_of(item), "kind": "COMPLETE", "result": "x" * 100_000_000}
    path = "/cluster/executors/worker-1/reports"
    problem = await api.refusal("POST", path, {"epoch": 1, "reports": [report]})
    assert (problem["status"], problem["code"]) == (413, "TOO_LARGE")
    assert "8 MiB" in problem["detail"]
    (outcome,) = await api.report({**report, "result": "x" * 300_000})
    assert (outcome["outcome"], outcome["problem"]["errors"][0]["code"]) == ("INVALID", "RESULT_TOO_LARGE")
    assert (await api.get(f"/tasks/{item['taskId']}"))["status"] == "RUNNING"
    assert [o["outcome"] for o in await api.report({**report, "result": "stored elsewhere"})] == ["APPLIED"]
