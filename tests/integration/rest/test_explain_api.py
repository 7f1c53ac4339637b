"""Why something is not running, over HTTP, on both stores."""

from __future__ import annotations

from typing import Any

import pytest

from application.scheduling.admitter import Admitter
from application.scheduling.planner import Planner
from bootstrap.container import Container
from tests.integration.rest.api import Api


@pytest.fixture
def admitter(container: Container) -> Admitter:
    return container.admitter()


@pytest.fixture
def planner(container: Container) -> Planner:
    return container.planner()


async def reasons(api: Api, path: str, **query: Any) -> dict[str, dict[str, Any]]:
    explanation = await api.get(f"{path}/explain", **query)
    return {reason["code"]: reason for reason in explanation["reasons"]}


async def task(api: Api, **job: Any) -> str:
    await api.create_job(**{"overlap": "ALLOW"} | job)
    id_: str = (await api.post("/tasks", {"jobId": "backup"}))["id"]
    return id_


async def test_a_task_that_nobody_can_run_says_at_which_demand_executors_fall_away(api: Api) -> None:
    id_ = await task(api, placement={"pool": "gpu"})
    assert "No executor is registered" in (await reasons(api, f"/tasks/{id_}"))["NO_EXECUTOR"]["detail"]
    await api.register()
    why = (await reasons(api, f"/tasks/{id_}"))["NO_EXECUTOR"]
    assert "of 1 executors 0 are in pool 'gpu'" in why["detail"]
    assert why["facts"]["executors"] == 1
    assert "pool 'gpu'" in why["fix"]


async def test_a_task_for_a_named_executor_waits_for_that_one_and_comes_before_others(api: Api) -> None:
    await api.create_job("anywhere", overlap="ALLOW")
    other = (await api.post("/tasks", {"jobId": "anywhere"}))["id"]
    id_ = await task(api, placement={"executor": "worker-7"})
    assert (await api.get("/jobs/backup"))["placement"]["executor"] == "worker-7"
    await api.register()
    why = (await reasons(api, f"/tasks/{id_}"))["NAMED_EXECUTOR_AWAY"]
    assert why["facts"] == {"executorId": "worker-7"}
    await api.register("worker-7")
    assert set(await reasons(api, f"/tasks/{id_}")) == {"ABOUT_TO_BE_CLAIMED"}
    assert [t["taskId"] for t in (await api.claim(executor="worker-7"))["tasks"]] == [id_]
    assert [t["taskId"] for t in (await api.claim())["tasks"]] == [other]
    assert (await api.claim())["tasks"] == []


async def test_a_queue_says_who_is_before_it_and_what_is_free(api: Api) -> None:
    id_ = await task(api)
    await api.register(maxConcurrentTasks=1)
    explanation = await api.get(f"/tasks/{id_}/explain")
    assert [r["code"] for r in explanation["reasons"]] == ["ABOUT_TO_BE_CLAIMED"]
    assert explanation["earliestStartAt"] is not None
    second = (await api.post("/tasks", {"jobId": "backup"}))["id"]
    assert (await reasons(api, f"/tasks/{second}"))["BEHIND_OTHERS"]["facts"]["ahead"] == 1
    await api.claim(most=1)
    assert set(await reasons(api, f"/tasks/{second}")) == {"EXECUTORS_FULL"}
    assert set(await reasons(api, f"/tasks/{id_}")) == {"RUNNING"}
    await api.post("/cluster/executors/worker-1/drain?reason=new-kernel")
    assert set(await reasons(api, f"/tasks/{second}")) == {"EXECUTORS_DRAINING"}


async def test_kill_switches_are_named_with_whoever_threw_them(api: Api) -> None:
    id_ = await task(api)
    await api.register()
    await api.post("/cluster/claiming/stop?reason=move")
    await api.post("/pools/default/pause?reason=disk")
    why = await reasons(api, f"/tasks/{id_}")
    assert set(why) == {"CLAIMING_STOPPED", "POOL_PAUSED"}
    assert "move" in why["CLAIMING_STOPPED"]["detail"]
    assert "disk" in why["POOL_PAUSED"]["detail"]


async def test_limits_are_named_with_what_they_are_used_up_by(api: Api, admitter: Admitter) -> None:
    first = await task(api, concurrency={"limit": 1})
    await api.register()
    second = (await api.post("/tasks", {"jobId": "backup"}))["id"]
    assert set(await reasons(api, f"/tasks/{second}")) == {"ABOUT_TO_BE_LET_IN"}
    await admitter.tick()
    why = (await reasons(api, f"/tasks/{second}"))["LIMIT_REACHED"]
    assert why["facts"] == {"key": "job.backup", "taken": 1, "limit": 1, "takenBy": [first]}
    await api.create_job("slow", overlap="ALLOW", rateLimit={"limit": 1, "per": "PT1H"})
    slow = [(await api.post("/tasks", {"jobId": "slow"}))["id"] for _ in range(2)]
    await admitter.tick()
    explanation = await api.get(f"/tasks/{slow[1]}/explain")
    assert explanation["reasons"][0]["code"] == "RATE_LIMITED"
    assert explanation["earliestStartAt"] == explanation["reasons"][0]["until"]
    await api.create_job("fair", overlap="ALLOW", fairness={"key": "k"})
    fair = [(await api.post("/tasks", {"jobId": "fair"}))["id"] for _ in range(11)]
    await admitter.tick()
    assert (await reasons(api, f"/tasks/{fair[10]}"))["TURN_OF_OTHERS"]["facts"]["taken"] == 10


async def test_times_ends_and_retries_are_told(api: Api) -> None:
    await api.create_job(overlap="ALLOW", retry={"maxAttempts": 2, "delay": "PT1H"})
    await api.register()
    later = (await api.post("/tasks", {"jobId": "backup", "scheduledTime": "2099-01-01T00:00:00Z"}))["id"]
    why = (await reasons(api, f"/tasks/{later}"))["NOT_DUE"]
    assert why["until"] == "2099-01-01T00:00:00Z"
    id_ = (await api.post("/tasks", {"jobId": "backup"}))["id"]
    (item,) = (await api.claim())["tasks"]
    error = {"code": "DISK_FULL", "message": "no space"}
    await api.report({"taskId": id_, "token": item["token"], "kind": "FAIL", "error": error})
    assert "DISK_FULL: no space" in (await reasons(api, f"/tasks/{id_}"))["RETRY_LATER"]["detail"]
    await api.post(f"/tasks/{id_}/cancel?reason=not-needed")
    assert "CANCELLED" in (await reasons(api, f"/tasks/{id_}"))["ENDED"]["detail"]


async def test_a_fire_is_explained_from_the_ledger_and_the_next_one_from_the_schedule(
    api: Api, planner: Planner
) -> None:
    await api.create_job(trigger={"type": "FIXED_RATE", "every": "PT1H"})
    await planner.tick()
    (entry,) = (await api.get("/jobs/backup/occurrences"))["items"]
    why = await reasons(api, "/jobs/backup", at=entry["nominalAt"])
    assert why["DECIDED"]["facts"]["taskId"] == entry["taskId"]
    assert set(await reasons(api, "/jobs/backup")) == {"PLANNED"}
    assert set(await reasons(api, "/jobs/backup", at="2001-01-01T00:00:00Z")) == {"NOT_PLANNED"}
    await api.post("/cluster/firing/stop?reason=move")
    await api.post("/jobs/backup/pause?reason=night")
    assert set(await reasons(api, "/jobs/backup")) == {"NOT_ACTIVE", "FIRING_STOPPED"}


async def test_what_does_not_exist_cannot_be_explained(api: Api) -> None:
    assert (await api.refusal("GET", "/tasks/1/explain"))["code"] == "TASK_NOT_FOUND"
    assert (await api.refusal("GET", "/jobs/nobody/explain"))["code"] == "JOB_NOT_FOUND"
    await api.create_job()
    assert (await api.refusal("GET", "/jobs/backup/explain?at=noon"))["code"] == "INVALID_PARAMETER"
