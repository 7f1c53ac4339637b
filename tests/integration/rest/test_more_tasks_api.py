"""Tasks tried again, run again, unique by key, many at once, and found in other ways."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.integration.rest.api import Api


async def running(api: Api, **job: Any) -> dict[str, Any]:
    """A task that worker-1 runs, as the claim answered it."""
    await api.create_job(**{"overlap": "ALLOW", "retry": {"maxAttempts": 1}} | job)
    await api.register()
    await api.post("/tasks", {"jobId": "backup", "parameters": {"command": "date"}})
    item: dict[str, Any] = (await api.claim())["tasks"][0]
    return item


async def failed(api: Api) -> str:
    """The id of a task whose one attempt has failed."""
    item = await running(api)
    await api.post(f"/tasks/{item['taskId']}/fail?executorId=worker-1", {"error": {"code": "A", "message": "b"}})
    id_: str = item["taskId"]
    return id_


async def test_a_failed_task_is_tried_once_more_and_its_attempts_are_kept(api: Api) -> None:
    id_ = await failed(api)
    again = await api.post(f"/tasks/{id_}/retry?reason=disk-replaced")
    assert (again["status"], again["attempt"], again["statusReason"]) == ("PENDING", 1, "disk-replaced")
    assert (again["error"], again["endedAt"], again["executorId"]) == (None, None, None)
    assert [task["id"] for task in (await api.get("/tasks"))["items"]] == [id_]
    (item,) = (await api.claim())["tasks"]
    assert (item["taskId"], item["attempt"], item["parameters"]) == (id_, 2, {"command": "date"})
    await api.post(f"/tasks/{id_}/complete?executorId=worker-1")
    attempts = (await api.get(f"/tasks/{id_}/attempts"))["items"]
    assert [(a["attempt"], a["status"]) for a in attempts] == [(1, "FAILED"), (2, "COMPLETED")]
    assert attempts[0]["error"]["code"] == "A"


async def test_a_cancelled_task_that_never_ran_may_be_tried_too(api: Api) -> None:
    await api.create_job()
    task = await api.post("/jobs/backup/trigger")
    await api.post(f"/tasks/{task['id']}/cancel")
    assert (await api.post(f"/tasks/{task['id']}/retry"))["status"] == "PENDING"
    assert (await api.get(f"/tasks/{task['id']}/attempts"))["items"] == []
    problem = await api.refusal("POST", f"/tasks/{task['id']}/retry")
    assert (problem["status"], problem["currentStatus"]) == (409, "PENDING")
    assert problem["allowedActions"] == ["assign", "cancel", "rerun"]


async def test_what_succeeded_or_still_stops_is_not_tried_again(api: Api) -> None:
    item = await running(api)
    await api.post(f"/tasks/{item['taskId']}/cancel")
    problem = await api.refusal("POST", f"/tasks/{item['taskId']}/retry")
    assert (problem["status"], problem["allowedActions"]) == (409, ["rerun"])
    await api.post("/jobs/backup/trigger")
    (other,) = (await api.claim())["tasks"]
    await api.post(f"/tasks/{other['taskId']}/complete?executorId=worker-1")
    assert (await api.refusal("POST", f"/tasks/{other['taskId']}/retry"))["currentStatus"] == "COMPLETED"


async def test_a_task_of_a_job_that_is_out_of_service_is_not_tried_again(api: Api) -> None:
    id_ = await failed(api)
    await api.post("/jobs/backup/disable?reason=gone")
    for verb in ("retry", "rerun"):
        problem = await api.refusal("POST", f"/tasks/{id_}/{verb}")
        assert (problem["status"], problem["currentStatus"]) == (409, "DISABLED")
    assert (await api.get(f"/tasks/{id_}"))["status"] == "FAILED"


async def test_a_task_is_run_again_as_a_new_one(api: Api) -> None:
    id_ = await failed(api)
    answer = await api.call("POST", f"/tasks/{id_}/rerun")
    new = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (201, f"/api/v1/tasks/{new['id']}")
    assert new["id"] != id_
    assert (new["status"], new["attempt"], new["parameters"]) == ("PENDING", 0, {"command": "date"})
    assert (await api.get(f"/tasks/{id_}"))["status"] == "FAILED"


async def test_one_live_task_at_most_has_a_unique_key(api: Api) -> None:
    await api.create_job("a")
    await api.create_job("b")
    first = await api.call("POST", "/tasks", {"jobId": "a", "uniqueKey": "invoice 7"})
    second = await api.call("POST", "/tasks", {"jobId": "b", "uniqueKey": "invoice 7"})
    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json() == first.json()
    id_ = first.json()["id"]
    await api.post(f"/tasks/{id_}/cancel")
    third = await api.call("POST", "/tasks", {"jobId": "a", "uniqueKey": "invoice 7"})
    assert (third.status_code, third.json()["id"] == id_) == (201, False)
    problem = await api.refusal("POST", f"/tasks/{id_}/retry")
    assert (problem["status"], problem["code"]) == (409, "UNIQUE_KEY_TAKEN")
    for key in ("", "a\nb", "x" * 257):
        assert (await api.refusal("POST", "/tasks", {"jobId": "a", "uniqueKey": key}))["status"] == 400


async def test_many_tasks_are_created_at_once_and_each_stands_alone(api: Api) -> None:
    await api.create_job()
    wishes = [
        {"jobId": "backup", "uniqueKey": "k"},
        {"jobId": "nobody"},
        {"jobId": "backup", "uniqueKey": "k"},
        {"jobId": "backup", "scheduledTime": "2050-01-01T00:00:00"},
        {"jobId": "backup"},
    ]
    items = (await api.post("/tasks/batch", {"create": wishes}))["items"]
    assert [item["outcome"] for item in items] == ["CREATED", "FAILED", "FOUND", "FAILED", "CREATED"]
    assert items[0]["taskId"] == items[2]["taskId"]
    assert [items[n]["problem"]["code"] for n in (1, 3)] == ["JOB_NOT_FOUND", "MALFORMED"]
    assert len((await api.get("/tasks"))["items"]) == 2


async def test_one_action_is_taken_on_many_tasks(api: Api) -> None:
    await api.create_job(overlap="ALLOW")
    ids = [(await api.post("/jobs/backup/trigger"))["id"] for _ in range(2)]
    unknown = str(uuid4())
    items = (await api.post("/tasks/batch", {"action": "CANCEL", "ids": [*ids, unknown], "reason": "x"}))["items"]
    assert [(item["taskId"], item["outcome"]) for item in items] == [
        (ids[0], "DONE"), (ids[1], "DONE"), (unknown, "FAILED")
    ]  # fmt: skip
    assert (await api.get(f"/tasks/{ids[0]}"))["statusReason"] == "x"
    items = (await api.post("/tasks/batch", {"action": "RETRY", "ids": ids}))["items"]
    assert {item["outcome"] for item in items} == {"DONE"}
    (item,) = (await api.post("/tasks/batch", {"action": "RERUN", "ids": ids[:1]}))["items"]
    assert (item["outcome"], item["taskId"] in ids) == ("CREATED", False)
    items = (await api.post("/tasks/batch", {"action": "RETRY", "ids": ids}))["items"]
    assert [item["problem"]["currentStatus"] for item in items] == ["PENDING", "PENDING"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"create": [], "action": "CANCEL", "ids": []},
        {"action": "CANCEL"},
        {"ids": []},
        {"action": "DANCE", "ids": []},
        {"create": [{"jobId": "a"}] * 1001},
    ],
)
async def test_a_batch_that_cannot_be_meant_is_refused(api: Api, body: dict[str, Any]) -> None:
    problem = await api.refusal("POST", "/tasks/batch", body)
    assert (problem["status"], problem["code"]) == (400, "MALFORMED")


async def test_tasks_are_found_by_when_they_are_scheduled(api: Api) -> None:
    await api.create_job()
    times = ["2050-01-01T00:00:00Z", "2050-01-02T00:00:00Z", "2050-01-03T00:00:00Z"]
    ids = [(await api.post("/tasks", {"jobId": "backup", "scheduledTime": at}))["id"] for at in times]
    await api.post(f"/tasks/{ids[1]}/cancel")

    async def found(**query: str) -> list[str]:
        return [task["id"] for task in (await api.get("/tasks/scheduled", **query))["items"]]

    assert await found() == ids[::-1]
    assert await found(**{"from": times[1]}) == [ids[2], ids[1]]
    assert await found(to=times[1]) == [ids[0]]
    assert await found(startTime=times[0], endTime="2050-01-03T01:00:00+01:00") == [ids[1], ids[0]]
    assert await found(status="PENDING", to=times[2]) == [ids[0]]
    for query in ("from=tomorrow", "to=2050-01-01T00:00:00", f"from={times[0]}&startTime={times[1]}", "until=x"):
        assert (await api.refusal("GET", f"/tasks/scheduled?{query}"))["status"] == 400
    page = await api.get("/tasks/scheduled", limit=2)
    assert await found(cursor=page["nextCursor"], limit="2") == [ids[0]]


async def test_tasks_are_found_by_job_and_by_status_in_the_path(api: Api) -> None:
    job = await api.create_job()
    task = await api.post("/jobs/backup/trigger")
    for path in (
        "/tasks/job/backup",
        f"/tasks/job/{job['id']}",
        "/tasks/status/PENDING",
        "/tasks/status/pending,failed",
    ):
        assert [found["id"] for found in (await api.get(path))["items"]] == [task["id"]]
    assert (await api.get("/tasks/status/FAILED"))["items"] == []
    assert (await api.refusal("GET", "/tasks/status/SLEEPY"))["status"] == 400
    assert (await api.refusal("GET", "/tasks/job/nobody"))["code"] == "JOB_NOT_FOUND"


async def test_active_jobs_and_executors_have_lists_of_their_own(api: Api) -> None:
    await api.create_job("a")
    await api.create_job("b", active=False)
    assert [job["name"] for job in (await api.get("/jobs/active"))["items"]] == ["a"]
    await api.register("one")
    await api.register("two")
    await api.post("/cluster/executors/two/drain")
    assert [executor["id"] for executor in (await api.get("/cluster/executors/active"))["items"]] == ["one"]
    body = {"executorId": "active", "instanceId": str(uuid4()), "host": "h", "version": "1", "types": ["COMMAND"]}
    problem = await api.refusal("POST", "/cluster/executors", body)
    assert (problem["status"], problem["errors"][0]["pointer"]) == (422, "/executorId")


async def test_who_holds_a_task_can_be_asked(api: Api) -> None:
    item = await running(api)
    path = f"/cluster/tasks/{item['taskId']}/executor"
    held = await api.get(path)
    assert (held["executorId"], held["token"], held["stopping"]) == ("worker-1", item["token"], False)
    await api.post(f"/tasks/{item['taskId']}/cancel")
    assert (await api.get(path))["stopping"] is True
    await api.report({"taskId": item["taskId"], "token": item["token"], "kind": "STOPPED"})
    assert (await api.refusal("GET", path))["code"] == "TASK_NOT_HELD"
    assert (await api.refusal("GET", f"/cluster/tasks/{uuid4()}/executor"))["code"] == "TASK_NOT_FOUND"


async def test_the_cluster_is_counted(api: Api) -> None:
    assert await api.get("/cluster/status") == {
        "stopped": [], "executors": {}, "totalSlots": 0, "usedSlots": 0, "tasks": {}, "locks": [], "nodes": []
    }  # fmt: skip
    await running(api)
    await api.register("other", maxConcurrentTasks=7)
    await api.post("/cluster/executors/other/drain")
    await api.post("/jobs/backup/trigger")
    assert await api.get("/cluster/status") == {
        "stopped": [],
        "executors": {"DRAINING": 1, "ONLINE": 1},
        "totalSlots": 100,
        "usedSlots": 1,
        "tasks": {"PENDING": 1, "RUNNING": 1},
        "locks": [],
        "nodes": [],
    }


async def test_failed_executors_are_looked_for_on_request_but_not_sooner_than_configured(api: Api) -> None:
    await api.register()
    path = "/cluster/maintenance/detect-failed-executors"
    assert await api.post(path) == {"count": 0}
    assert await api.post(f"{path}?timeoutSeconds=120") == await api.post(path, {"timeoutSeconds": 500}) == {"count": 0}
    problem = await api.refusal("POST", f"{path}?timeoutSeconds=119")
    assert (problem["status"], problem["errors"][0]["pointer"]) == (422, "/timeoutSeconds")
    for query in ("timeoutSeconds=0", "timeoutSeconds=soon", "timeoutSeconds=99999999999"):
        assert (await api.refusal("POST", f"{path}?{query}"))["status"] == 400
    assert (await api.get("/cluster/executors/worker-1"))["status"] == "ONLINE"
