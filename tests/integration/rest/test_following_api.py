"""What depends on others runs after them, once in each run, or is skipped with the reason."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from application.scheduling import runs
from bootstrap.container import Container
from tests.integration.rest.api import COMMAND, Api

Statuses = dict[str, str]


class House:
    """An API, an executor that takes what there is, and judges who are asked one tick at a time."""

    def __init__(self, api: Api, container: Container) -> None:
        self.api, self.container = api, container

    async def job(self, name: str, *upstreams: str | dict[str, Any], **more: Any) -> None:
        fields: dict[str, Any] = {"name": name, "type": "COMMAND", "parameters": COMMAND, "active": True}
        if upstreams:
            edges = [{"job": up} if isinstance(up, str) else up for up in upstreams]
            fields |= {"trigger": {"type": "DEPENDENCY"}, "dependencies": edges}
        await self.api.post("/jobs", {**fields, "retry": {"maxAttempts": 1}, **more})

    async def run(self, name: str) -> str:
        task: str = (await self.api.post("/tasks", {"jobId": name}))["id"]
        return task

    async def judge(self) -> None:
        judge = self.container.judge()
        while await judge.tick() is not None and await self._is_busy():
            pass

    async def _is_busy(self) -> bool:
        async with self.container.work() as work:
            return bool(await work.judgements.take(1))

    async def work(self, **ends: Any) -> list[str]:
        """Claim what waits and end it: COMPLETE, unless `ends` say FAIL or a result. The names in their order."""
        await self.judge()
        tasks = (await self.api.claim(most=100))["tasks"]
        reports = []
        for task in tasks:
            end = ends.get(task["jobName"])
            kind = "FAIL" if end == "FAIL" else "COMPLETE"
            report = {"taskId": task["taskId"], "token": task["token"], "kind": kind}
            reports.append(report | ({} if end in (None, "FAIL") else {"result": end}))
        if reports:
            await self.api.report(*reports)
        await self.judge()
        return sorted(task["jobName"] for task in tasks)

    async def tasks(self, run: str) -> list[Any]:
        items = (await self.api.get("/tasks", limit=200))["items"]
        return [task for task in items if task["runId"] == run]

    async def statuses(self, run: str) -> Statuses:
        return {task["jobName"]: task["status"] for task in await self.tasks(run)}


@pytest.fixture
async def house(api: Api, container: Container) -> House:
    await api.register()
    return House(api, container)


async def test_a_diamond_runs_in_the_order_of_its_edges(house: House) -> None:
    for name, *upstreams in (("a",), ("b", "a"), ("c", "a"), ("d", "b", "c")):
        await house.job(name, *upstreams)
    run = await house.run("a")
    assert [await house.work() for _ in range(4)] == [["a"], ["b", "c"], ["d"], []]
    assert await house.statuses(run) == dict.fromkeys("abcd", "COMPLETED")
    (entry,) = (await house.api.get("/jobs/d/occurrences"))["items"]
    assert (entry["fireKey"], entry["decision"]) == (f"run:{run}", "FIRED")
    assert {task["origin"] for task in await house.tasks(run)} == {"DIRECT", "DEPENDENCY"}


async def test_each_run_has_its_own_dependents(house: House) -> None:
    await house.job("a")
    await house.job("b", "a")
    runs = [await house.run("a") for _ in range(3)]
    assert await house.work() == ["a"] * 3
    assert await house.work() == ["b"] * 3
    assert [await house.statuses(run) for run in runs] == [{"a": "COMPLETED", "b": "COMPLETED"}] * 3


async def test_two_ends_at_the_same_moment_bring_one_task(house: House) -> None:
    for name, *upstreams in (("a",), ("b", "a"), ("c", "a"), ("d", "b", "c")):
        await house.job(name, *upstreams)
    run = await house.run("a")
    await house.work()
    tasks = (await house.api.claim(most=10))["tasks"]
    ends = [{"taskId": t["taskId"], "token": t["token"], "kind": "COMPLETE"} for t in tasks]
    await asyncio.gather(*(house.api.report(end) for end in ends))
    await asyncio.gather(*(house.container.judge().tick() for _ in range(4)))
    assert [task["jobName"] for task in await house.tasks(run)].count("d") == 1


async def test_what_cannot_run_any_more_is_skipped_and_says_why(house: House) -> None:
    for name, *upstreams in (("a",), ("b", "a"), ("c", "b")):
        await house.job(name, *upstreams)
    run = await house.run("a")
    await house.work(a="FAIL")
    assert await house.statuses(run) == {"a": "FAILED", "b": "SKIPPED", "c": "SKIPPED"}
    reasons = {task["jobName"]: task["statusReason"] for task in await house.tasks(run)}
    assert reasons["b"] == "a ended as FAILED, which is no SUCCESS"
    assert reasons["c"] == "b ended as SKIPPED, which is no SUCCESS"


@pytest.mark.parametrize(
    ("edge", "after_success", "after_failure"),
    [
        ({"type": "SUCCESS"}, "PENDING", "SKIPPED"),
        ({"type": "COMPLETION"}, "PENDING", "PENDING"),
        ({"type": "FAILURE"}, "SKIPPED", "PENDING"),
        ({"type": "WEAK"}, "PENDING", "PENDING"),
        ({"type": "CONDITIONAL", "condition": "status == 'COMPLETED' && result.rows > 3"}, "PENDING", "SKIPPED"),
        ({"type": "CONDITIONAL", "condition": "status == 'FAILED'"}, "SKIPPED", "PENDING"),
        ({"type": "CONDITIONAL", "condition": "parameters.command[0] == 'true'"}, "PENDING", "PENDING"),
        ({"type": "CONDITIONAL", "condition": "result.nothing == 1"}, "SKIPPED", "SKIPPED"),
    ],
)
async def test_each_type_of_edge_asks_for_its_end(
    house: House, edge: dict[str, Any], after_success: str, after_failure: str
) -> None:
    await house.job("a")
    await house.job("b", {"job": "a", **edge})
    for end, expected in (({"rows": 4}, after_success), ("FAIL", after_failure)):
        run = await house.run("a")
        await house.work(a=end)
        assert (await house.statuses(run))["b"] == expected
        await house.work()


async def test_some_edges_may_be_enough(house: House) -> None:
    for name in ("a", "b", "c"):
        await house.job(name, *(["a"] if name != "a" else []))
    await house.job("any", "b", "c", dependencyPolicy={"join": "ANY"})
    await house.job("two", "a", "b", "c", dependencyPolicy={"join": "AT_LEAST", "atLeast": 2})
    await house.job("all", "a", "b", "c")
    run = await house.run("a")
    await house.work()
    await house.work(b="FAIL")
    found = await house.statuses(run)
    assert {name: found[name] for name in ("any", "two", "all")} == {
        "any": "PENDING", "two": "PENDING", "all": "SKIPPED"
    }  # fmt: skip


async def test_a_workflow_completes_by_itself_and_begins_a_run(house: House) -> None:
    await house.job("flow", type="WORKFLOW", parameters={})
    await house.job("a", "flow")
    run = await house.run("flow")
    await house.judge()
    assert await house.statuses(run) == {"flow": "COMPLETED", "a": "PENDING"}


async def test_a_job_that_is_paused_is_skipped_and_so_is_what_follows(house: House) -> None:
    for name, *upstreams in (("a",), ("b", "a"), ("c", "b")):
        await house.job(name, *upstreams)
    await house.api.post("/jobs/b/pause")
    run = await house.run("a")
    await house.work()
    assert await house.statuses(run) == {"a": "COMPLETED", "b": "SKIPPED", "c": "SKIPPED"}


async def test_a_cancelled_task_is_an_end_like_others(house: House) -> None:
    await house.job("a")
    await house.job("b", "a")
    await house.job("c", {"job": "a", "type": "COMPLETION"})
    run = await house.run("a")
    await house.api.post(f"/tasks/{run}/cancel")
    await house.judge()
    assert await house.statuses(run) == {"a": "CANCELLED", "b": "SKIPPED", "c": "PENDING"}


async def test_an_upstream_outside_of_the_run_is_waited_for_by_its_match(house: House) -> None:
    await house.job("a")
    await house.job("other")
    await house.job("b", "a", {"job": "other", "match": {"type": "LATEST", "maxAge": "P1D"}})
    run = await house.run("a")
    await house.work()
    assert await house.statuses(run) == {"a": "COMPLETED", "b": "BLOCKED"}
    other = await house.run("other")
    assert await house.work() == ["other"]
    assert await house.statuses(run) == {"a": "COMPLETED", "b": "PENDING"}
    assert await house.statuses(other) == {"other": "COMPLETED"}


async def test_a_condition_that_is_none_is_refused_with_its_job(house: House) -> None:
    await house.job("a")
    edge = {"job": "a", "type": "CONDITIONAL", "condition": "status =="}
    body = {"name": "b", "type": "COMMAND", "parameters": COMMAND, "trigger": {"type": "DEPENDENCY"}}
    problem = await house.api.refusal("POST", "/jobs", body | {"dependencies": [edge]})
    assert (problem["status"], problem["errors"][0]["pointer"]) == (422, "/dependencies/0/condition")


async def test_a_run_shows_its_tasks_its_state_and_what_its_end_waited_for(house: House) -> None:
    for name, *upstreams in (("a",), ("b", "a"), ("c", "a"), ("d", "b", "c")):
        await house.job(name, *upstreams)
    run = await house.run("a")
    await house.work()
    shown = await house.api.get(f"/runs/{run}")
    assert (shown["state"], shown["jobName"], shown["endedAt"]) == ("RUNNING", "a", None)
    await house.work(b="FAIL")
    await house.judge()
    shown = await house.api.get(f"/runs/{run}")
    assert shown["state"] == "FAILED"
    assert {task["jobName"]: task["status"] for task in shown["tasks"]} == {
        "a": "COMPLETED", "b": "FAILED", "c": "COMPLETED", "d": "SKIPPED"
    }  # fmt: skip
    names = {task["taskId"]: task["jobName"] for task in shown["tasks"]}
    path = [names[task] for task in shown["criticalPath"]]
    assert path[0] == "a"
    assert path[1:] in (["b"], ["c"])
    (listed,) = (await house.api.get("/runs", job="a"))["items"]
    assert (listed["runId"], listed["state"], listed["tasks"]["COMPLETED"]) == (run, "FAILED", 2)
    assert (await house.api.refusal("GET", "/runs/nothing"))["code"] == "RUN_NOT_FOUND"


async def test_runs_are_listed_page_by_page_the_newest_first(house: House) -> None:
    await house.job("a")
    runs = [await house.run("a") for _ in range(3)]
    first = await house.api.get("/runs", limit=2)
    second = await house.api.get("/runs", limit=2, cursor=first["nextCursor"])
    assert [each["runId"] for each in (*first["items"], *second["items"])] == runs[::-1]
    assert second["nextCursor"] is None


async def test_of_a_cancelled_run_nothing_more_comes(house: House) -> None:
    for name, *upstreams in (("a",), ("b", "a")):
        await house.job(name, *upstreams)
    await house.job("tidy", {"job": "b", "type": "COMPLETION"}, {"job": "a", "type": "WEAK"})
    run = await house.run("a")
    await house.work()
    shown = await house.api.post(f"/runs/{run}/cancel", {"reason": "wrong day"})
    assert shown["cancelled"] == "wrong day"
    await house.judge()
    assert await house.statuses(run) == {"a": "COMPLETED", "b": "CANCELLED", "tidy": "SKIPPED"}
    assert (await house.api.get(f"/runs/{run}"))["state"] == "CANCELLED"
    assert await house.work() == []


async def test_a_cancelled_run_is_cancelled_to_its_last_task_however_many_there_are(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "BATCH", 2)
    await house.job("a")
    for n in range(5):
        await house.job(f"b-{n}", "a")
    await house.job("last", *(f"b-{n}" for n in range(5)))
    run = await house.run("a")
    await house.work()
    running = (await house.api.claim(most=2))["tasks"]
    await house.api.post(f"/runs/{run}/cancel")
    await house.judge()
    found = await house.statuses(run)
    assert found == {"a": "COMPLETED", **{f"b-{n}": "CANCELLED" for n in range(5)}, "last": "SKIPPED"}
    held = [{"taskId": task["taskId"], "token": task["token"]} for task in running]
    beat = await house.api.post("/cluster/executors/worker-1/heartbeat", {"epoch": 1, "running": held})
    assert sorted(each["taskId"] for each in beat["cancel"]) == sorted(each["taskId"] for each in held)
