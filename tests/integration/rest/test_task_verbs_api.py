"""The verbs of single tasks: given to an executor by name, and told of by the executor that holds them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.rest.api import Api

TEXT = {"Content-Type": "text/plain; charset=utf-8"}


async def waiting(api: Api, **job: Any) -> str:
    """The id of a task that waits, with an executor there."""
    await api.create_job(overlap="ALLOW", **job)
    await api.register()
    task: dict[str, str] = await api.post("/jobs/backup/trigger")
    return task["id"]


async def running(api: Api, **job: Any) -> dict[str, Any]:
    """A task that worker-1 runs, as the claim answered it."""
    await waiting(api, **job)
    item: dict[str, Any] = (await api.claim())["tasks"][0]
    return item


async def test_a_task_is_given_to_an_executor_by_name_and_arrives_before_all_others(api: Api) -> None:
    first = await waiting(api)
    later = await api.post("/tasks", {"jobId": "backup", "scheduledTime": "2050-01-01T00:00:00Z"})
    assert (await api.claim(most=0))["tasks"] == []
    assigned = await api.post(f"/tasks/{later['id']}/assign?executorId=worker-1")
    assert (assigned["status"], assigned["executorId"], assigned["attempt"]) == ("ASSIGNED", "worker-1", 1)
    assert (assigned["gate"], assigned["startedAt"], assigned["deadlineAt"]) == (None, None, None)
    (item,) = (await api.claim())["tasks"]
    assert (item["taskId"], item["token"], item["attempt"]) == (later["id"], assigned["token"], 1)
    assert (await api.get(f"/tasks/{later['id']}"))["status"] == "RUNNING"
    assert [other["taskId"] for other in (await api.claim())["tasks"]] == [first]


async def test_an_assignment_whose_answer_was_lost_arrives_with_the_repeated_claim(api: Api) -> None:
    id_ = await waiting(api)
    await api.post(f"/tasks/{id_}/assign", {"executorId": "worker-1"})
    claim_id = "0198c0de-0000-7000-8000-000000000001"
    first = await api.claim(claimId=claim_id)
    assert [item["taskId"] for item in first["tasks"]] == [id_]
    assert await api.claim(claimId=claim_id) == first


async def test_what_has_not_been_fetched_is_not_missed_by_heartbeats_and_is_cancelled_at_once(api: Api) -> None:
    id_ = await waiting(api)
    await api.post(f"/tasks/{id_}/assign", {"executorId": "worker-1"})
    for _ in range(3):
        beat = await api.post("/cluster/executors/worker-1/heartbeat", {"epoch": 1, "running": []})
        assert (beat["lost"], beat["cancel"]) == ([], [])
    assert (await api.get(f"/tasks/{id_}"))["status"] == "ASSIGNED"
    cancelled = await api.post(f"/tasks/{id_}/cancel?reason=mistaken")
    assert (cancelled["status"], cancelled["stopping"], cancelled["statusReason"]) == ("CANCELLED", False, "mistaken")
    assert (await api.claim())["tasks"] == []


async def test_what_was_assigned_goes_back_when_its_executor_leaves(api: Api) -> None:
    id_ = await waiting(api)
    await api.post(f"/tasks/{id_}/assign", {"executorId": "worker-1"})
    await api.post("/cluster/executors/worker-1/leave", {"epoch": 1})
    task = await api.get(f"/tasks/{id_}")
    assert (task["status"], task["lost"], task["executorId"]) == ("WAITING_RETRY", 1, None)


async def test_only_an_executor_that_is_there_and_able_is_given_a_task(api: Api) -> None:
    id_ = await waiting(api)
    await api.register("python-only", types=["PYTHON"])
    await api.register("draining")
    await api.post("/cluster/executors/draining/drain")
    for executor, status, code in (
        ("nobody", 404, "EXECUTOR_NOT_FOUND"),
        ("python-only", 409, "EXECUTOR_UNABLE"),
        ("draining", 409, "EXECUTOR_UNAVAILABLE"),
    ):
        problem = await api.refusal("POST", f"/tasks/{id_}/assign?executorId={executor}")
        assert (problem["status"], problem["code"]) == (status, code)
        assert problem.get("currentStatus") == ("DRAINING" if executor == "draining" else None)
    await api.post(f"/tasks/{id_}/assign?executorId=worker-1")
    again = await api.refusal("POST", f"/tasks/{id_}/assign?executorId=worker-1")
    assert (again["status"], again["code"], again["currentStatus"]) == (409, "ILLEGAL_STATE", "ASSIGNED")
    assert again["allowedActions"] == ["start", "fail", "log", "cancel", "rerun"]


async def test_an_executor_does_its_task_by_verbs_alone(api: Api) -> None:
    id_ = await waiting(api, timeouts={"execution": "PT1H"})
    await api.post(f"/tasks/{id_}/assign?executorId=worker-1")
    started = await api.post(f"/tasks/{id_}/start?executorId=worker-1")
    assert started["status"] == "RUNNING"
    assert started["startedAt"] < started["deadlineAt"]
    assert await api.post(f"/tasks/{id_}/start?executorId=worker-1") == started
    await api.post(f"/tasks/{id_}/log?executorId=worker-1&logLevel=warn&message=half-way")
    await api.post(f"/tasks/{id_}/log", {"executorId": "worker-1", "message": "nearly"})
    done = await api.call(
        "POST", f"/tasks/{id_}/complete?executorId=worker-1", content="7 pages é".encode(), headers=TEXT
    )
    assert (done.json()["status"], done.json()["result"]) == ("COMPLETED", "7 pages é")
    lines = (await api.get(f"/tasks/{id_}/logs"))["items"]
    assert [(line["level"], line["message"]) for line in lines] == [("WARN", "half-way"), ("INFO", "nearly")]
    assert (await api.post(f"/tasks/{id_}/complete?executorId=worker-1"))["result"] == "7 pages é"


async def test_a_failure_is_told_in_json_or_in_words(api: Api) -> None:
    item = await running(api, retry={"maxAttempts": 2, "delay": "PT0S"})
    path = f"/tasks/{item['taskId']}/fail?executorId=worker-1"
    failed = (await api.call("POST", path, content=b"disk full", headers=TEXT)).json()
    said = {"code": "FAILED", "message": "disk full", "stack": None}
    assert (failed["status"], failed["error"]) == ("WAITING_RETRY", failed["error"] | said)
    await api.claim()
    error = {"code": "DISK", "message": "still full"}
    failed = await api.post(f"/tasks/{item['taskId']}/fail", {"executorId": "worker-1", "error": error})
    assert (failed["status"], failed["error"]["code"]) == ("FAILED", "DISK")


async def test_a_result_may_be_any_json(api: Api) -> None:
    item = await running(api)
    body = {"executorId": "worker-1", "token": item["token"], "result": {"pages": [1, None]}}
    done = await api.post(f"/tasks/{item['taskId']}/complete", body)
    assert (done["status"], done["result"]) == ("COMPLETED", {"pages": [1, None]})


@pytest.mark.parametrize("verb", ["start", "complete", "fail", "log"])
async def test_only_its_executor_may_tell_of_a_task_and_only_of_the_present_attempt(api: Api, verb: str) -> None:
    item = await running(api)
    path = f"/tasks/{item['taskId']}/{verb}?message=x" if verb == "log" else f"/tasks/{item['taskId']}/{verb}?"
    for who in ("executorId=other", f"executorId=worker-1&token={item['token'] + 1}"):
        problem = await api.refusal("POST", f"{path}&{who}")
        assert (problem["status"], problem["code"], problem["currentStatus"]) == (409, "LEASE_LOST", "RUNNING")
        assert problem["allowedActions"] == ["complete", "fail", "log", "progress", "checkpoint", "cancel", "rerun"]
    assert (await api.get(f"/tasks/{item['taskId']}"))["status"] == "RUNNING"


@pytest.mark.parametrize("verb", ["start", "complete", "fail", "log"])
async def test_nobody_tells_of_a_task_that_waits_or_has_ended_otherwise(api: Api, verb: str) -> None:
    id_ = await waiting(api)
    path = f"/tasks/{id_}/{verb}?executorId=worker-1{'&message=x' if verb == 'log' else ''}"
    for status in ("PENDING", "CANCELLED"):
        problem = await api.refusal("POST", path)
        assert (problem["status"], problem["currentStatus"]) == (409, status)
        await api.post(f"/tasks/{id_}/cancel")


async def test_an_attempt_is_started_before_it_is_completed(api: Api) -> None:
    id_ = await waiting(api)
    await api.post(f"/tasks/{id_}/assign?executorId=worker-1")
    problem = await api.refusal("POST", f"/tasks/{id_}/complete?executorId=worker-1")
    assert (problem["status"], problem["currentStatus"]) == (409, "ASSIGNED")
    assert "start" in problem["allowedActions"]


@pytest.mark.parametrize(
    ("path", "body", "parameter"),
    [
        ("start", None, "executorId"),
        ("start?executorId=a", {"executorId": "b"}, "executorId"),
        ("complete?executorId=a&token=1", {"token": 2}, "token"),
        ("log?executorId=a", None, "message"),
        ("log?executorId=a&message=x&logLevel=loud", None, "logLevel"),
        ("fail?executorId=a&token=-1", None, "token"),
    ],
)
async def test_a_verb_that_says_too_little_or_two_things_is_refused(
    api: Api, path: str, body: object, parameter: str
) -> None:
    id_ = await waiting(api)
    problem = await api.refusal("POST", f"/tasks/{id_}/{path}", body)
    assert problem["status"] == 400
    assert [error["parameter"] for error in problem["errors"]] == [parameter]


async def test_only_results_and_errors_come_as_plain_text(api: Api) -> None:
    item = await running(api)
    for verb in ("start", "log", "cancel", "assign"):
        problem = await api.refusal("POST", f"/tasks/{item['taskId']}/{verb}", content=b"x", headers=TEXT)
        assert (problem["status"], problem["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
    path = f"/tasks/{item['taskId']}/complete?executorId=worker-1"
    for content, status in ((b"\xff", 400), (b"x" * (256 * 1024 + 1), 422)):
        assert (await api.refusal("POST", path, content=content, headers=TEXT))["status"] == status


async def test_a_reason_may_be_a_parameter(api: Api) -> None:
    await api.create_job()
    assert (await api.post("/jobs/backup/pause?reason=moving"))["statusReason"] == "moving"
    assert (await api.post("/jobs/backup/disable?reason=gone"))["statusReason"] == "gone"
    await api.register()
    assert (await api.post("/cluster/executors/worker-1/drain?reason=update"))["statusReason"] == "update"
    assert (await api.post("/cluster/executors/worker-1/deactivate?reason=broken"))["statusReason"] == "broken"
    problem = await api.refusal("POST", "/jobs/backup/disable?reason=a", {"reason": "b"})
    assert (problem["status"], problem["errors"][0]["parameter"]) == (400, "reason")
    for path in ("/jobs/backup/disable", "/cluster/executors/worker-1/deactivate"):
        problem = await api.refusal("POST", path)
        assert (problem["status"], problem["errors"][0]["parameter"]) == (400, "reason")


async def test_how_far_it_has_come_and_its_checkpoint_are_told_one_by_one(api: Api) -> None:
    item = await running(api)
    path = f"/tasks/{item['taskId']}"
    assert (await api.post(f"{path}/progress?executorId=worker-1&progress=0.25"))["progress"] == 0.25
    said = {"executorId": "worker-1", "progress": 0.5, "message": "table 3 of 12"}
    told = await api.post(f"{path}/progress", said)
    assert (told["progress"], told["progressMessage"]) == (0.5, "table 3 of 12")
    told = await api.post(f"{path}/progress?executorId=worker-1&progress=0.75&message=nearly")
    assert (told["progress"], told["progressMessage"]) == (0.75, "nearly")
    await api.post(f"{path}/checkpoint", {"executorId": "worker-1", "checkpoint": {"row": 7}})
    await api.post(f"{path}/fail", {"executorId": "worker-1"})
    await api.post(f"{path}/assign", {"executorId": "worker-1"})
    (again,) = (await api.claim())["tasks"]
    assert again["checkpoint"] == {"row": 7}


@pytest.mark.parametrize(
    ("verb", "body", "code"),
    [
        ("progress", {"executorId": "worker-1"}, "INVALID_PARAMETER"),
        ("progress", {"executorId": "worker-1", "progress": 2}, "MALFORMED"),
        ("progress", {"executorId": "other", "progress": 1}, "LEASE_LOST"),
        ("progress", {"executorId": "worker-1", "progress": 1, "message": "x" * 1001}, "MALFORMED"),
        ("progress", {"executorId": "worker-1", "progress": 1, "message": "\0"}, "MALFORMED"),
        ("checkpoint", {"executorId": "worker-1"}, "INVALID_PARAMETER"),
        ("checkpoint", {"executorId": "worker-1", "checkpoint": "x" * 300_000}, "INVALID"),
    ],
)
async def test_a_standing_that_cannot_be_meant_is_refused(api: Api, verb: str, body: object, code: str) -> None:
    item = await running(api)
    assert (await api.refusal("POST", f"/tasks/{item['taskId']}/{verb}", body))["code"] == code
