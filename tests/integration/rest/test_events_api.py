"""Events over REST: handed in, deduplicated, and in the hands of the tasks that they cause."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.integration.rest.api import COMMAND, Api

PAID = {"specversion": "1.0", "id": "7", "source": "/shop", "type": "com.shop.paid", "data": {"amount": 5}}
STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"


async def send(api: Api, event: object, content_type: str = STRUCTURED) -> httpx.Response:
    headers = {"content-type": content_type}
    return await api.call("POST", "/events", content=json.dumps(event).encode(), headers=headers)


async def received(api: Api, event: object = PAID) -> list[dict[str, Any]]:
    """What the jobs decided about a single event."""
    answer = await send(api, event)
    assert answer.status_code == 200, answer.text
    (item,) = answer.json()["items"]
    jobs: list[dict[str, Any]] = item["jobs"]
    return jobs


async def listen(api: Api, name: str = "send-receipt", **more: Any) -> dict[str, Any]:
    trigger = {"type": "EVENT", "eventType": "com.shop.*", **more.pop("trigger", {})}
    job: dict[str, Any] = await api.create_job(name, trigger=trigger, **more)
    return job


async def test_an_event_fires_the_jobs_that_listen_and_the_task_has_it(api: Api) -> None:
    job = await listen(api)
    await listen(api, "elsewhere", trigger={"source": "/other"})
    assert (job["nextFireAt"], job["exhausted"]) == (None, False)
    (decision,) = await received(api)
    assert (decision["jobId"], decision["jobName"]) == (job["id"], "send-receipt")
    assert (decision["decision"], decision["reason"], decision["repeated"]) == ("FIRED", None, False)
    task = await api.get(f"/tasks/{decision['taskId']}")
    assert (task["origin"], task["parameters"]) == ("EVENT", {**COMMAND, "event": PAID})
    (entry,) = (await api.get("/jobs/send-receipt/occurrences"))["items"]
    assert (entry["decision"], entry["fireKey"], entry["taskId"]) == ("FIRED", "event:/shop:7", task["id"])
    await api.register()
    (item,) = (await api.claim())["tasks"]
    assert item["parameters"]["event"] == PAID


async def test_an_event_delivered_again_answers_the_same_task(api: Api) -> None:
    await listen(api, overlap="ALLOW")
    deliveries = await asyncio.gather(*(received(api) for _ in range(5)))
    assert len({jobs[0]["taskId"] for jobs in deliveries}) == 1
    assert sorted(jobs[0]["repeated"] for jobs in deliveries) == [False, True, True, True, True]
    assert len((await api.get("/tasks"))["items"]) == 1


async def test_an_event_that_meets_an_unfinished_run_is_skipped_and_noted(api: Api) -> None:
    await listen(api)
    await received(api)
    (decision,) = await received(api, PAID | {"id": "8"})
    assert (decision["decision"], decision["taskId"]) == ("SKIPPED_OVERLAP", None)
    assert "unfinished" in decision["reason"]
    ledger = (await api.get("/jobs/send-receipt/occurrences"))["items"]
    assert sorted(e["decision"] for e in ledger) == ["FIRED", "SKIPPED_OVERLAP"]


async def test_an_event_that_nobody_listens_to_is_taken_without_effect(api: Api) -> None:
    assert await received(api) == []
    await listen(api, active=False)
    assert await received(api) == []


async def test_parameters_take_values_of_the_event_or_the_ledger_says_which_is_missing(api: Api) -> None:
    await listen(api, overlap="ALLOW", parameters={"command": ["receipt", "${event.data.amount}", "${event.source}"]})
    (decision,) = await received(api)
    task = await api.get(f"/tasks/{decision['taskId']}")
    assert task["parameters"] == {"command": ["receipt", "5", "/shop"], "event": PAID}
    (decision,) = await received(api, PAID | {"id": "8", "data": {}})
    assert (decision["decision"], decision["taskId"]) == ("SKIPPED_PARAMETERS", None)
    (entry,) = (await api.get("/jobs/send-receipt/occurrences", decision="SKIPPED_PARAMETERS"))["items"]
    assert "data.amount" in entry["reason"]
    problem = await api.refusal("POST", "/jobs/send-receipt/trigger")
    assert (problem["status"], problem["errors"][0]["pointer"]) == (422, "/parameters/command/1")
    problem = await api.refusal("POST", "/tasks", {"jobId": decision["jobId"]})
    assert [each["code"] for each in problem["errors"]] == ["NO_EVENT", "NO_EVENT"]


async def test_places_that_name_nothing_are_refused_with_the_job(api: Api) -> None:
    job = {"name": "send", "type": "COMMAND", "trigger": {"type": "EVENT", "eventType": "paid"}}

    async def refused(**fields: Any) -> list[tuple[str, str, int]]:
        problem = await api.refusal("POST", "/jobs", job | fields)
        return [(each["pointer"], each["code"], each["offset"]) for each in problem["errors"]]

    assert await refused(parameters={"command": ["a"], "env": {"A": "${event.id}", "B": "x${event.}"}}) == [
        ("/parameters/env/B", "INVALID_PLACE", 1)
    ]
    assert await refused(parameters={"command": "echo ${event.id}", "env": {"A": "${event.type.x}"}}) == [
        ("/parameters/command", "PLACE_IN_CODE", 5),
        ("/parameters/env/A", "INVALID_PLACE", 0),
    ]
    hourly = {"type": "CRON", "expression": "@hourly"}
    assert await refused(trigger=hourly, parameters={"command": ["a", "${event.id}"]}) == [
        ("/parameters/command/1", "NO_EVENT", 0)
    ]


async def test_a_job_may_listen_and_go_by_the_clock(api: Api) -> None:
    parts = [{"type": "CRON", "expression": "0 0 1 1 *"}, {"type": "EVENT", "eventType": "com.shop.paid"}]
    job = await api.create_job(trigger={"type": "ANY_OF", "triggers": parts})
    assert len(await received(api)) == 1
    assert (await api.get("/jobs/backup"))["nextFireAt"] == job["nextFireAt"]


async def test_after_its_last_execution_a_listener_is_exhausted(api: Api) -> None:
    await listen(api, trigger={"maxExecutions": 1})
    assert len(await received(api)) == 1
    assert await received(api, PAID | {"id": "8"}) == []
    assert (await api.get("/jobs/send-receipt"))["exhausted"] is True


async def test_a_binary_event_has_its_attributes_in_headers(api: Api) -> None:
    await listen(api)
    headers = {"ce-specversion": "1.0", "ce-id": "7", "ce-source": "/shop", "ce-type": "com.shop.paid"}
    headers["content-type"] = "text/plain"
    answer = await api.call("POST", "/events", content=b"thanks", headers=headers)
    (decision,) = answer.json()["items"][0]["jobs"]
    event = (await api.get(f"/tasks/{decision['taskId']}"))["parameters"]["event"]
    assert (event["data"], event["datacontenttype"]) == ("thanks", "text/plain")


async def test_the_events_of_a_batch_stand_alone(api: Api) -> None:
    await listen(api, overlap="ALLOW")
    batch = [PAID, PAID | {"id": ""}, PAID | {"id": "8"}, PAID]
    items = (await send(api, batch, BATCH)).json()["items"]
    assert [(item["id"], len(item["jobs"])) for item in items] == [("7", 1), (None, 0), ("8", 1), ("7", 1)]
    assert [item["problem"] and item["problem"]["errors"][0]["pointer"] for item in items] == [None, "/id", None, None]
    assert items[3]["jobs"][0]["repeated"]


@pytest.mark.parametrize(
    ("event", "status", "pointer"),
    [
        (PAID | {"specversion": "0.3"}, 400, "/specversion"),
        (PAID | {"Extension": 1}, 422, "/Extension"),
        (PAID | {"id": "x" * 257}, 422, "/id"),
        ([PAID], 400, ""),
    ],
)
async def test_what_is_no_event_is_refused(api: Api, event: Any, status: int, pointer: str) -> None:
    headers = {"content-type": STRUCTURED}
    problem = await api.refusal("POST", "/events", content=json.dumps(event).encode(), headers=headers)
    assert (problem["status"], problem["errors"][0]["pointer"]) == (status, pointer)


async def test_a_body_that_does_not_say_that_it_is_an_event_is_told_how_to(api: Api) -> None:
    problem = await api.refusal("POST", "/events", PAID)
    assert (problem["status"], problem["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert STRUCTURED in problem["detail"]


async def test_a_deleted_job_listens_no_more_and_its_name_may(api: Api) -> None:
    await listen(api)
    await api.call("DELETE", "/jobs/send-receipt")
    assert await received(api) == []
    again = await listen(api)
    assert [d["jobId"] for d in await received(api, PAID | {"id": str(uuid4())})] == [again["id"]]
