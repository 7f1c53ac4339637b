"""Failures that are alike: counted, listed, tried again."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.rest.api import Api


async def fail(api: Api, *messages: str, job: str = "backup", code: str = "DISK_FULL") -> list[str]:
    """A task for each message, whose one attempt fails with it."""
    ids = []
    for message in messages:
        await api.post("/tasks", {"jobId": job})
        (item,) = (await api.claim(most=1))["tasks"]
        error = {"code": code, "message": message}
        await api.post(f"/tasks/{item['taskId']}/fail?executorId=worker-1", {"error": error})
        ids.append(item["taskId"])
    return ids


async def ready(api: Api, *jobs: str) -> None:
    for job in jobs:
        await api.create_job(job, retry={"maxAttempts": 1}, overlap="ALLOW")
    await api.register()


async def groups(api: Api, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await api.get("/failures/groups", **query))["items"]
    return found


async def test_failures_that_are_alike_are_counted_together_the_most_frequent_first(api: Api) -> None:
    await ready(api, "backup", "billing")
    await fail(api, "host is away", code="AWAY")
    full = await fail(api, "no space on 'sda1'", "no space on 'sdb1'")
    full += await fail(api, "no space on 'sdc1'", job="billing")
    first, second = await groups(api)
    assert (first["code"], first["count"], first["message"]) == ("DISK_FULL", 3, "no space on 'sdc1'")
    assert (first["jobs"], first["jobCount"]) == ([{"name": "backup", "count": 2}, {"name": "billing", "count": 1}], 2)
    assert (first["lastTaskId"], first["firstAt"] < first["lastAt"]) == (full[-1], True)
    assert (second["code"], second["count"]) == ("AWAY", 1)
    assert [g["code"] for g in await groups(api, jobId="billing")] == ["DISK_FULL"]
    assert [g["count"] for g in await groups(api, since=first["lastAt"])] == [1]
    assert [g["count"] for g in await groups(api, until=first["lastAt"])] == [2, 1]
    assert len(await groups(api, limit=1)) == 1
    tasks = (await api.get("/tasks", fingerprint=first["fingerprint"]))["items"]
    assert [task["id"] for task in tasks] == full[::-1]
    assert {task["error"]["fingerprint"] for task in tasks} == {first["fingerprint"]}


async def test_they_are_tried_again_together(api: Api) -> None:
    await ready(api, "backup")
    ids = await fail(api, "no space", "no space", "no space")
    (group,) = await groups(api)
    wish = {"fingerprint": group["fingerprint"], "reason": "replaced"}
    assert await api.post("/failures/redrive?dryRun=true", wish) == {"count": 3, "lastReadyAt": None, "dryRun": True}
    refused = await api.refusal("POST", "/failures/redrive", wish | {"expectedCount": 2})
    assert (refused["status"], refused["code"]) == (409, "OTHER_COUNT")
    done = await api.post("/failures/redrive", wish | {"expectedCount": 3})
    assert (done["count"], done["dryRun"]) == (3, False)
    assert await groups(api) == []
    again = (await api.claim())["tasks"]
    assert sorted((item["taskId"], item["attempt"]) for item in again) == [(id_, 2) for id_ in sorted(ids)]
    assert (await api.get(f"/tasks/{ids[0]}"))["statusReason"] == "replaced"


async def test_at_a_pace_the_last_comes_last(api: Api) -> None:
    await ready(api, "backup")
    ids = await fail(api, "a", "a", "a")
    done = await api.post("/failures/redrive", {"expectedCount": 3, "ratePerSecond": 0.01})
    tasks = [await api.get(f"/tasks/{id_}") for id_ in ids]
    assert [task["gate"] for task in tasks] == [None, "TIME", "TIME"]
    assert done["lastReadyAt"] == tasks[-1]["readyAt"]


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ({}, 422, "/expectedCount"),
        ({"expectedCount": -1}, 400, "/expectedCount"),
        ({"expectedCount": 1, "ratePerSecond": 0}, 422, "/ratePerSecond"),
        ({"expectedCount": 1, "fingerprint": "x"}, 400, "/fingerprint"),
        ({"expectedCount": 1, "since": "2031-01-01T00:00:00"}, 400, "/since"),
        ({"expectedCount": 1, "fingerprints": []}, 400, "/fingerprints"),
    ],
)
async def test_what_cannot_be_meant_is_refused(api: Api, body: dict[str, Any], status: int, pointer: str) -> None:
    problem = await api.refusal("POST", "/failures/redrive", body)
    assert (problem["status"], [e["pointer"] for e in problem["errors"]]) == (status, [pointer])


async def test_an_unknown_job_or_time_is_refused(api: Api) -> None:
    assert (await api.refusal("GET", "/failures/groups?jobId=nobody"))["status"] == 404
    assert (await api.refusal("POST", "/failures/redrive", {"expectedCount": 0, "job": "nobody"}))["status"] == 404
    assert (await api.refusal("GET", "/failures/groups?since=yesterday"))["code"] == "INVALID_PARAMETER"
