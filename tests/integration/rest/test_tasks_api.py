"""Tasks over REST: asked for, found, cancelled, their logs read."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.rest.api import UNKNOWN, Api


def line(message: str, level: str = "INFO") -> dict[str, Any]:
    return {"at": "2031-05-04T12:00:00.5Z", "level": level, "stream": "stdout", "message": message}


async def held_task(api: Api) -> dict[str, Any]:
    """A task that worker-1 runs, as the claim answered it."""
    await api.create_job(overlap="ALLOW")
    await api.register()
    await api.post("/jobs/backup/trigger")
    (item,) = (await api.claim())["tasks"]
    claimed: dict[str, Any] = item
    return claimed


async def test_a_task_is_asked_for_by_the_name_of_its_job(api: Api) -> None:
    job = await api.create_job()
    answer = await api.call("POST", "/tasks", {"jobId": "backup", "parameters": {"command": "date"}})
    task = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (201, f"/api/v1/tasks/{task['id']}")
    assert (task["jobId"], task["jobName"], task["origin"]) == (job["id"], "backup", "DIRECT")
    assert (task["status"], task["attempt"], task["maxAttempts"]) == ("PENDING", 0, 3)
    assert task["parameters"] == {"command": "date"}
    assert await api.get(f"/tasks/{task['id']}") == task


async def test_a_task_may_be_asked_for_in_advance(api: Api) -> None:
    await api.create_job()
    task = await api.post("/tasks", {"jobId": "backup", "scheduledTime": "2050-01-01T01:00:00+01:00"})
    assert (task["scheduledTime"], task["gate"]) == ("2050-01-01T00:00:00Z", "TIME")
    await api.register()
    assert (await api.claim())["tasks"] == []


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"jobId": "backup", "scheduledTime": "2050-01-01T00:00:00"}, "/scheduledTime"),
        ({"jobId": "a\0b"}, "/jobId"),
        ({"jobId": "backup", "scheduledTime": "tomorrow"}, "/scheduledTime"),
        ({"jobId": "backup", "parameters": []}, "/parameters"),
        ({"jobId": 7}, "/jobId"),
    ],
)
async def test_a_task_that_cannot_be_meant_is_refused(api: Api, body: dict[str, Any], pointer: str) -> None:
    await api.create_job()
    problem = await api.refusal("POST", "/tasks", body)
    assert (problem["status"], problem["code"]) == (400, "MALFORMED")
    assert [error["pointer"] for error in problem["errors"]] == [pointer]
    assert (await api.get("/tasks"))["items"] == []


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59-14:00"])
async def test_a_task_is_not_asked_for_in_another_age(api: Api, at: str) -> None:
    await api.create_job()
    problem = await api.refusal("POST", "/tasks", {"jobId": "backup", "scheduledTime": at})
    assert (problem["status"], problem["errors"][0]["code"]) == (422, "OUT_OF_RANGE")


async def test_a_job_that_is_out_of_service_takes_no_tasks(api: Api) -> None:
    await api.create_job(active=False)
    problem = await api.refusal("POST", "/tasks", {"jobId": "backup"})
    assert (problem["status"], problem["currentStatus"]) == (409, "CREATED")


async def test_tasks_are_listed_newest_first_by_job_and_status(api: Api) -> None:
    await api.create_job("a", overlap="ALLOW")
    await api.create_job("b")
    first, second = await api.post("/jobs/a/trigger"), await api.post("/jobs/a/trigger")
    other = await api.post("/jobs/b/trigger")
    await api.post(f"/tasks/{first['id']}/cancel")

    async def ids(**query: str) -> list[str]:
        return [task["id"] for task in (await api.get("/tasks", **query))["items"]]

    assert await ids() == [other["id"], second["id"], first["id"]]
    assert await ids(jobId="a") == await ids(jobId=first["jobId"]) == [second["id"], first["id"]]
    assert await ids(jobId="a", status="CANCELLED,FAILED") == [first["id"]]
    assert await ids(status="RUNNING") == []
    page = await api.get("/tasks", limit=2)
    assert await ids(limit="2", cursor=page["nextCursor"]) == [first["id"]]


async def test_a_waiting_task_is_cancelled_at_once(api: Api) -> None:
    await api.create_job()
    task = await api.post("/jobs/backup/trigger")
    cancelled = await api.post(f"/tasks/{task['id']}/cancel", {"reason": "not today"})
    assert (cancelled["status"], cancelled["statusReason"], cancelled["stopping"]) == ("CANCELLED", "not today", False)
    assert cancelled["endedAt"] is not None
    assert await api.post(f"/tasks/{task['id']}/cancel") == cancelled


async def test_a_running_task_is_told_to_stop(api: Api) -> None:
    item = await held_task(api)
    cancelled = await api.post(f"/tasks/{item['taskId']}/cancel", {"reason": "too slow"})
    assert (cancelled["status"], cancelled["stopping"]) == ("CANCELLED", True)
    answer = await api.claim(most=0)
    assert answer["cancel"] == [{"taskId": item["taskId"], "token": item["token"], "reason": "too slow"}]
    stopped = {"taskId": item["taskId"], "token": item["token"], "kind": "STOPPED"}
    assert await api.report(stopped) == [{"taskId": item["taskId"], "outcome": "APPLIED"}]
    assert (await api.get(f"/tasks/{item['taskId']}"))["stopping"] is False


async def test_what_has_ended_otherwise_cannot_be_cancelled(api: Api) -> None:
    item = await held_task(api)
    await api.report({"taskId": item["taskId"], "token": item["token"], "kind": "COMPLETE"})
    problem = await api.refusal("POST", f"/tasks/{item['taskId']}/cancel")
    assert (problem["status"], problem["code"], problem["currentStatus"]) == (409, "ILLEGAL_STATE", "COMPLETED")


async def test_each_attempt_is_told(api: Api) -> None:
    item = await held_task(api)
    error = {"code": "EXIT_CODE", "message": "exit code 3"}
    await api.report({"taskId": item["taskId"], "token": item["token"], "kind": "FAIL", "error": error})
    task = await api.get(f"/tasks/{item['taskId']}")
    assert (task["status"], task["error"].pop("fingerprint") is None) == ("WAITING_RETRY", False)
    assert task["error"] == error | {"stack": None}
    (attempt,) = (await api.get(f"/tasks/{item['taskId']}/attempts"))["items"]
    assert (attempt["attempt"], attempt["executorId"], attempt["token"]) == (1, "worker-1", item["token"])
    assert attempt["error"]["code"] == "EXIT_CODE"


async def test_a_log_is_read_page_by_page_and_by_level(api: Api) -> None:
    item = await held_task(api)
    lease = {"taskId": item["taskId"], "token": item["token"]}
    await api.report({**lease, "kind": "LOG", "sequence": 1, "lines": [line("one"), line("two", "ERROR")]})
    await api.report({**lease, "kind": "LOG", "sequence": 2, "lines": [line("three")]})
    path = f"/tasks/{item['taskId']}/logs"
    first = await api.get(path, limit=2)
    assert first["items"] == [{"attempt": 1, **line("one"), "at": "2031-05-04T12:00:00.500000Z"}, first["items"][1]]
    second = await api.get(path, limit=2, cursor=first["nextCursor"])
    assert ([found["message"] for found in second["items"]], second["nextCursor"]) == (["three"], None)
    assert [found["message"] for found in (await api.get(path, level="WARN,ERROR"))["items"]] == ["two"]


@pytest.mark.parametrize("task", [UNKNOWN, "nothing"])
@pytest.mark.parametrize("path", ["", "/attempts", "/logs", "/logs?follow=true"])
async def test_an_unknown_task_is_not_found(api: Api, task: str, path: str) -> None:
    problem = await api.refusal("GET", f"/tasks/{task}{path}")
    assert (problem["status"], problem["code"]) == (404, "TASK_NOT_FOUND")
