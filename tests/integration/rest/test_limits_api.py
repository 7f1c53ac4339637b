"""Limits of a job, from its document to the queue."""

from __future__ import annotations

from typing import Any

import pytest

from application.scheduling.admitter import Admitter
from bootstrap.container import Container
from tests.integration.rest.api import Api


@pytest.fixture
def admitter(container: Container) -> Admitter:
    return container.admitter()


async def test_a_limited_job_runs_so_many_at_a_time(api: Api, admitter: Admitter) -> None:
    job = await api.create_job(overlap="ALLOW", concurrency={"limit": 2})
    assert job["concurrency"] == {"limit": 2, "key": "job.backup"}
    assert (job["rateLimit"], job["fairness"]) == (None, None)
    await api.register()
    ids = [(await api.post("/jobs/backup/trigger"))["id"] for _ in range(3)]
    assert {(await api.get(f"/tasks/{id_}"))["gate"] for id_ in ids} == {"LIMIT"}
    await admitter.tick()
    claimed = (await api.claim())["tasks"]
    assert [item["taskId"] for item in claimed] == ids[:2]
    await api.report({"taskId": ids[0], "token": claimed[0]["token"], "kind": "COMPLETE"})
    await admitter.tick()
    assert [item["taskId"] for item in (await api.claim())["tasks"]] == ids[2:]


async def test_keys_follow_the_parameters_of_each_task(api: Api, admitter: Admitter) -> None:
    await api.create_job(
        overlap="ALLOW", concurrency={"limit": 1, "key": "of-${param.env.customer}"}, trigger={"type": "MANUAL"}
    )
    await api.register()

    def of(customer: str) -> dict[str, Any]:
        return {"jobId": "backup", "parameters": {"command": ["true"], "env": {"customer": customer}}}

    ids = [(await api.post("/tasks", of(customer)))["id"] for customer in ("acme", "acme", "beta")]
    await admitter.tick()
    assert sorted(item["taskId"] for item in (await api.claim())["tasks"]) == sorted([ids[0], ids[2]])
    problem = await api.refusal("POST", "/tasks", {"jobId": "backup"})
    assert (problem["status"], problem["errors"][0]["code"]) == (422, "KEY_WITHOUT_PARAMETER")
    assert (await api.refusal("POST", "/jobs/backup/trigger"))["errors"][0]["pointer"] == "/parameters"


@pytest.mark.parametrize(
    ("limits", "pointer"),
    [
        ({"concurrency": {"limit": 0}}, "/concurrency/limit"),
        ({"concurrency": {"limit": 1, "key": "${x}"}}, "/concurrency/key"),
        ({"concurrency": {"limit": 1, "key": ""}}, "/concurrency/key"),
        ({"rateLimit": {"limit": 1, "per": "soon"}}, "/rateLimit/per"),
        ({"rateLimit": {"limit": 1, "per": "PT0S"}}, "/rateLimit/per"),
        ({"rateLimit": {"limit": -1, "per": "PT1S"}}, "/rateLimit/limit"),
        ({"fairness": {"key": "k", "weight": 0}}, "/fairness/weight"),
        (
            {"fairness": {"key": "${param.a}"}, "trigger": {"type": "CRON", "expression": "@daily"}},
            "/fairness/key",
        ),
    ],
)
async def test_limits_that_cannot_be_are_refused(api: Api, limits: dict[str, Any], pointer: str) -> None:
    body = {"name": "backup", "type": "COMMAND", "parameters": {"command": ["true"]}, **limits}
    problem = await api.refusal("POST", "/jobs", body)
    assert (problem["status"], [e["pointer"] for e in problem["errors"]]) == (422, [pointer])


async def test_a_retry_by_an_operator_obeys_them_too(api: Api, admitter: Admitter) -> None:
    await api.create_job(overlap="ALLOW", concurrency={"limit": 1}, retry={"maxAttempts": 1})
    await api.register()
    first = (await api.post("/jobs/backup/trigger"))["id"]
    await admitter.tick()
    (item,) = (await api.claim())["tasks"]
    await api.report({"taskId": first, "token": item["token"], "kind": "FAIL", "error": {"code": "A", "message": "b"}})
    await api.post("/jobs/backup/trigger")
    await admitter.tick()
    assert (await api.post(f"/tasks/{first}/retry"))["gate"] == "LIMIT"
    await admitter.tick()
    assert (await api.get(f"/tasks/{first}"))["gate"] == "LIMIT"
