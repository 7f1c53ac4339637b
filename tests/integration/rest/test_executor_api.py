"""The conversation with executors over REST: register, claim, report, beat, leave."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.integration.rest.api import Api


async def trigger(api: Api, count: int = 1) -> None:
    await api.create_job(overlap="ALLOW", timeouts={"execution": "PT10M"})
    for _ in range(count):
        await api.post("/jobs/backup/trigger")


def lease_of(item: dict[str, Any]) -> dict[str, Any]:
    return {"taskId": item["taskId"], "token": item["token"]}


async def test_an_executor_registers_and_is_seen(api: Api) -> None:
    session = await api.register(labels={"os": "linux"}, maxConcurrentTasks=7)
    assert session == {
        "executorId": "worker-1", "epoch": 1, "heartbeatIntervalSeconds": 30.0, "heartbeatTimeoutSeconds": 120.0,
    }  # fmt: skip
    seen = await api.get("/cluster/executors/worker-1")
    assert (seen["status"], seen["labels"], seen["maxConcurrentTasks"]) == ("ONLINE", {"os": "linux"}, 7)
    assert [e["id"] for e in (await api.get("/cluster/executors", status="ONLINE"))["items"]] == ["worker-1"]
    assert (await api.get("/cluster/executors", status="OFFLINE"))["items"] == []


async def test_an_executor_without_a_name_is_given_one(api: Api) -> None:
    session = await api.register(executor_id=None)
    assert (await api.get(f"/cluster/executors/{session['executorId']}"))["status"] == "ONLINE"


async def test_the_same_instance_keeps_its_session_and_another_ends_it(api: Api) -> None:
    instance = str(uuid4())
    assert (await api.register(instanceId=instance))["epoch"] == 1
    assert (await api.register(instanceId=instance))["epoch"] == 1
    assert (await api.register())["epoch"] == 2
    beat = {"epoch": 1, "running": [], "sentAt": "2031-05-04T12:00:00Z"}
    problem = await api.refusal("POST", "/cluster/executors/worker-1/heartbeat", beat)
    assert (problem["status"], problem["code"]) == (409, "SUPERSEDED")


async def test_a_claimed_task_has_all_that_its_executor_needs(api: Api) -> None:
    await trigger(api)
    await api.register()
    answer = await api.claim()
    (item,) = answer["tasks"]
    assert (answer["cancel"], answer["outcomes"]) == ([], [])
    assert (item["attempt"], item["jobName"], item["type"], item["handler"]) == (1, "backup", "COMMAND", None)
    assert (item["parameters"], item["timeoutSeconds"]) == ({"command": ["true"]}, 600)
    assert item["deadlineAt"].endswith("Z")
    assert item["checkpoint"] is None
    task = await api.get(f"/tasks/{item['taskId']}")
    assert (task["status"], task["executorId"], task["token"]) == ("RUNNING", "worker-1", item["token"])


async def test_a_repeated_claim_is_answered_with_the_same_tasks(api: Api) -> None:
    await trigger(api, 3)
    await api.register()
    claim = str(uuid4())
    first, again = await api.claim(most=2, claimId=claim), await api.claim(most=2, claimId=claim)
    assert first["tasks"] == again["tasks"]
    assert len((await api.claim())["tasks"]) == 1


async def test_reports_come_with_the_next_claim(api: Api) -> None:
    await trigger(api, 2)
    await api.register()
    (item,) = (await api.claim(most=1))["tasks"]
    done = {**lease_of(item), "kind": "COMPLETE", "result": {"exitCode": 0}}
    answer = await api.claim(most=1, reports=[done])
    assert answer["outcomes"] == [{"taskId": item["taskId"], "outcome": "APPLIED"}]
    assert len(answer["tasks"]) == 1
    task = await api.get(f"/tasks/{item['taskId']}")
    assert (task["status"], task["result"]) == ("COMPLETED", {"exitCode": 0})


async def test_a_task_is_started_then_completed(api: Api) -> None:
    await trigger(api)
    await api.register()
    (item,) = (await api.claim(started=False))["tasks"]
    assert (await api.get(f"/tasks/{item['taskId']}"))["status"] == "ASSIGNED"
    await api.report({**lease_of(item), "kind": "START"})
    assert (await api.get(f"/tasks/{item['taskId']}"))["status"] == "RUNNING"
    await api.report({**lease_of(item), "kind": "COMPLETE", "at": "2031-05-04T12:00:00Z"})
    task = await api.get(f"/tasks/{item['taskId']}")
    assert (task["status"], task["result"]) == ("COMPLETED", None)


async def test_a_task_that_was_never_started_cannot_have_completed(api: Api) -> None:
    await trigger(api)
    await api.register()
    (item,) = (await api.claim(started=False))["tasks"]
    (outcome,) = await api.report({**lease_of(item), "kind": "COMPLETE"})
    assert (outcome["outcome"], outcome["problem"]["code"]) == ("INVALID", "ILLEGAL_STATE")
    assert "START" in outcome["problem"]["detail"]


async def test_a_repeated_report_is_harmless_and_a_stale_one_changes_nothing(api: Api) -> None:
    await trigger(api)
    await api.register()
    (item,) = (await api.claim())["tasks"]
    done = {**lease_of(item), "kind": "COMPLETE", "result": 1}
    stale = done | {"token": item["token"] - 1, "result": 2}
    assert [o["outcome"] for o in await api.report(stale)] == ["LEASE_LOST"]
    assert [o["outcome"] for o in await api.report(done)] == ["APPLIED"]
    assert [o["outcome"] for o in await api.report(done)] == ["ALREADY"]
    assert (await api.get(f"/tasks/{item['taskId']}"))["result"] == 1
    (orphan,) = (await api.get(f"/tasks/{item['taskId']}/orphans"))["items"]
    assert orphan.pop("reportedAt")
    assert orphan == {
        "token": stale["token"], "executorId": "worker-1", "status": "COMPLETED", "result": 2, "error": None
    }  # fmt: skip
    assert (await api.refusal("GET", f"/tasks/{uuid4()}/orphans"))["code"] == "TASK_NOT_FOUND"


async def test_each_report_stands_alone(api: Api) -> None:
    await trigger(api, 2)
    await api.register()
    good, other = (await api.claim())["tasks"]
    long_line = {"at": "2031-05-04T12:00:00Z", "level": "INFO", "stream": None, "message": "x" * 16385}
    outcomes = await api.report(
        {**lease_of(other), "kind": "DANCE"},
        {**lease_of(good), "kind": "COMPLETE"},
        "not even an object",
        {**lease_of(other), "kind": "COMPLETE", "result": "x" * 256 * 1024},
        {**lease_of(other), "kind": "LOG", "lines": [long_line]},
        {**lease_of(other), "kind": "COMPLETE", "outcome": "splendid"},
    )
    assert [o["outcome"] for o in outcomes] == ["INVALID", "APPLIED", "INVALID", "INVALID", "INVALID", "INVALID"]
    assert [o["taskId"] for o in outcomes[1:4]] == [good["taskId"], None, other["taskId"]]
    assert outcomes[0]["problem"]["errors"][0]["pointer"] == "/kind"
    assert outcomes[3]["problem"]["errors"][0]["code"] == "RESULT_TOO_LARGE"
    assert outcomes[4]["problem"]["errors"][0]["pointer"] == "/lines/0/message"
    assert outcomes[5]["problem"]["status"] == 400
    assert (await api.get(f"/tasks/{other['taskId']}"))["status"] == "RUNNING"


async def test_a_heartbeat_tells_what_is_lost_and_what_to_stop(api: Api) -> None:
    await trigger(api, 2)
    await api.register()
    held, stopped = (await api.claim())["tasks"]
    await api.post(f"/tasks/{stopped['taskId']}/cancel", {"reason": "no"})
    gone = {"taskId": str(uuid4()), "token": 1}
    running = [lease_of(held), lease_of(stopped), gone]
    beat = await api.post(
        "/cluster/executors/worker-1/heartbeat",
        {"epoch": 1, "running": running, "load": {"cpu": 0.5}, "sentAt": "2031-05-04T12:00:00Z"},
    )
    assert beat["cancel"] == [lease_of(stopped) | {"reason": "no"}]
    assert beat["lost"] == [gone]
    assert (beat["drain"], beat["minimumClientVersion"]) == (False, "0.1.0")
    assert beat["serverTime"].endswith("Z")


async def test_how_far_a_task_is_can_be_seen_and_the_next_attempt_goes_on_from_there(api: Api) -> None:
    await trigger(api)
    await api.register()
    (item,) = (await api.claim())["tasks"]
    lease = lease_of(item)
    words = "half\0way" + "!" * 2000
    said = [
        {**lease, "kind": "PROGRESS", "progress": 0.5, "message": words},
        {**lease, "kind": "CHECKPOINT", "checkpoint": {"page": 7}},
    ]
    assert [o["outcome"] for o in await api.report(*said)] == ["APPLIED", "APPLIED"]
    task = await api.get(f"/tasks/{item['taskId']}")
    assert (task["progress"], task["progressMessage"]) == (0.5, "half\ufffdway" + "!" * 992)
    snoozed = {**lease, "kind": "SNOOZE", "retryAfter": "PT0S", "message": "not yet"}
    assert [o["outcome"] for o in await api.report(snoozed)] == ["APPLIED"]
    (again,) = (await api.claim())["tasks"]
    assert (again["taskId"], again["attempt"], again["checkpoint"]) == (item["taskId"], 2, {"page": 7})
    cancelled = {**lease_of(again), "kind": "CANCEL", "message": "nothing to do"}
    assert [o["outcome"] for o in await api.report(cancelled)] == ["APPLIED"]
    task = await api.get(f"/tasks/{item['taskId']}")
    assert (task["status"], task["error"]["message"], task["snoozed"]) == ("CANCELLED", "nothing to do", 1)
    assert [a["status"] for a in (await api.get(f"/tasks/{item['taskId']}/attempts"))["items"]] == [
        "SNOOZED",
        "CANCELLED",
    ]


@pytest.mark.parametrize(
    ("report", "pointer"),
    [
        ({"kind": "PROGRESS"}, "/progress"),
        ({"kind": "PROGRESS", "progress": 1.5}, "/progress"),
        ({"kind": "CHECKPOINT"}, "/checkpoint"),
        ({"kind": "CHECKPOINT", "checkpoint": "x" * 262_143}, "/checkpoint"),
        ({"kind": "SNOOZE"}, "/retryAfter"),
        ({"kind": "SNOOZE", "retryAfter": "later"}, "/retryAfter"),
        ({"kind": "FAIL", "retryAfter": "P367D"}, "/retryAfter"),
    ],
)
async def test_a_report_that_says_too_little_or_too_much_is_invalid(
    api: Api, report: dict[str, Any], pointer: str
) -> None:
    await trigger(api)
    await api.register()
    (item,) = (await api.claim())["tasks"]
    (outcome,) = await api.report({**lease_of(item), **report})
    assert outcome["outcome"] == "INVALID"
    assert [error["pointer"] for error in outcome["problem"]["errors"]] == [pointer]


async def test_a_draining_executor_gets_nothing_more(api: Api) -> None:
    await trigger(api)
    await api.register()
    assert (await api.post("/cluster/executors/worker-1/drain", {"reason": "update"}))["status"] == "DRAINING"
    assert (await api.claim())["tasks"] == []
    beat = await api.post("/cluster/executors/worker-1/heartbeat", {"epoch": 1, "running": []})
    assert beat["drain"] is True
    assert (await api.post("/cluster/executors/worker-1/activate"))["status"] == "ONLINE"
    assert len((await api.claim())["tasks"]) == 1


async def test_a_deactivated_executor_stays_away_until_it_is_activated(api: Api) -> None:
    await api.register()
    off = await api.post("/cluster/executors/worker-1/deactivate", {"reason": "stolen"})
    assert (off["status"], off["statusReason"]) == ("OFFLINE", "stolen")
    body = {"executorId": "worker-1", "instanceId": str(uuid4()), "host": "h", "version": "1", "types": ["COMMAND"]}
    problem = await api.refusal("POST", "/cluster/executors", body)
    assert (problem["code"], problem["allowedActions"]) == ("EXECUTOR_DEACTIVATED", ["activate"])
    await api.post("/cluster/executors/worker-1/activate")
    assert (await api.register())["epoch"] == 2


async def test_what_a_leaving_executor_held_is_free_at_once(api: Api) -> None:
    await trigger(api)
    await api.register()
    (item,) = (await api.claim())["tasks"]
    assert await api.post("/cluster/executors/worker-1/leave", {"epoch": 1}) == {"executorId": "worker-1"}
    assert (await api.get("/cluster/executors/worker-1"))["status"] == "OFFLINE"
    await api.register("worker-2")
    (again,) = (await api.claim(executor="worker-2"))["tasks"]
    assert (again["taskId"], again["attempt"]) == (item["taskId"], 2)


@pytest.mark.parametrize(
    ("call", "body"),
    [
        ("claim", {"epoch": 1, "claimId": str(uuid4()), "max": 1}),
        ("reports", {"epoch": 1, "reports": []}),
        ("heartbeat", {"epoch": 1, "running": []}),
        ("leave", {"epoch": 1}),
    ],
)
async def test_an_executor_that_nobody_knows_has_to_register_again(api: Api, call: str, body: dict[str, Any]) -> None:
    problem = await api.refusal("POST", f"/cluster/executors/nobody/{call}", body)
    assert (problem["status"], problem["code"]) == (409, "SESSION_ENDED")
    assert (await api.refusal("GET", "/cluster/executors/nobody"))["code"] == "EXECUTOR_NOT_FOUND"


@pytest.mark.parametrize(
    ("change", "status", "pointer"),
    [
        ({"max": 501}, 400, "/max"),
        ({"claimId": "mine"}, 400, "/claimId"),
        ({"epoch": None}, 400, "/epoch"),
        ({"wait": "soon"}, 422, "/wait"),
        ({"wait": "PT61S"}, 422, "/wait"),
        ({"reports": [{}] * 1001}, 400, "/reports"),
    ],
)
async def test_a_claim_that_cannot_be_meant_is_refused(
    api: Api, change: dict[str, Any], status: int, pointer: str
) -> None:
    await api.register()
    body = {"epoch": 1, "claimId": str(uuid4()), "max": 1} | change
    problem = await api.refusal("POST", "/cluster/executors/worker-1/claim", body)
    assert (problem["status"], problem["errors"][0]["pointer"]) == (status, pointer)


@pytest.mark.parametrize(
    ("change", "status", "pointer"),
    [
        ({"types": []}, 422, "/types"),
        ({"maxConcurrentTasks": 0}, 422, "/maxConcurrentTasks"),
        ({"executorId": "a/b"}, 400, "/executorId"),
        ({"labels": {"os": 1}}, 400, "/labels/*"),
        ({"host": "a\0b"}, 400, "/host"),
    ],
)
async def test_an_executor_that_cannot_be_is_refused(
    api: Api, change: dict[str, Any], status: int, pointer: str
) -> None:
    body = {"instanceId": str(uuid4()), "host": "h", "version": "1", "types": ["COMMAND"]} | change
    problem = await api.refusal("POST", "/cluster/executors", body)
    assert (problem["status"], problem["errors"][0]["pointer"]) == (status, pointer)
