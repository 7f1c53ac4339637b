"""The platform's own upkeep over HTTP: seen, asked for, rested, and done at other intervals."""

from __future__ import annotations

import pytest
from dependency_injector import providers

from bootstrap.container import Container
from bootstrap.running import running
from bootstrap.settings import Settings
from interfaces.rest.app import create_app
from tests.integration.rest.api import Api, client_of
from tests.integration.rest.test_nodes_api import until

NOBODY = "01980f5d-2c7e-7d44-9b02-6a1f3c5e8d90"


async def test_all_operations_are_shown_by_name(api: Api, container: Container) -> None:
    listed = await api.get("/operations")
    names = [each["name"] for each in listed["items"]]
    assert names == sorted(each.terms.name for each in container.upkeep())
    assert {"history-partitions", "old-events", "old-requests", "expired-locks"} <= set(names)
    assert listed["nextCursor"] is None
    before = await api.get("/operations/old-events")
    assert before == listed["items"][names.index("old-events")]
    assert (before["status"], before["every"], before["nextRunAt"], before["lastExecution"]) == (
        "ACTIVE", "PT10M", None, None
    )  # fmt: skip
    await container.operation_runner().tick()
    after = await api.get("/operations/old-events")
    assert after["nextRunAt"] > after["lastExecution"]["endedAt"]
    recorded = (await api.get("/operations/executions"))["items"]
    assert {(each["operation"], each["status"]) for each in recorded} == {(name, "SUCCESS") for name in names}


async def test_an_execution_is_asked_for_followed_and_found_again(api: Api, container: Container) -> None:
    answer = await api.call("POST", "/operations/old-requests/run")
    assert answer.status_code == 202
    wished = answer.json()
    path = answer.headers["location"].removeprefix("/api/v1")
    assert path == f"/operations/executions/{wished['id']}"
    assert (wished["status"], wished["triggeredBy"], wished["requestedBy"]) == ("PENDING", "API", "local")
    assert (await api.post("/operations/old-requests/run"))["id"] == wished["id"]
    assert (await api.get("/operations/old-requests/executions", status="PENDING"))["items"] == [wished]
    await container.operation_runner().tick()
    done = await api.get(path)
    assert (done["status"], done["processedCount"], done["errorMessage"]) == ("SUCCESS", 0, None)
    assert done["serverInstance"] == container.settings().node_id
    assert done["executionTimeMs"] >= 0
    assert done in (await api.get("/operations/old-requests/executions"))["items"]
    assert (await api.get("/operations/executions", status="ERROR,TIMEOUT"))["items"] == []


async def test_an_operation_is_paused_with_a_reason_and_resumed(api: Api, container: Container) -> None:
    await container.operation_runner().tick()
    paused = await api.post("/operations/old-events/pause", {"reason": "We look into the outbox."})
    assert (paused["status"], paused["pausedReason"], paused["nextRunAt"]) == (
        "PAUSED", "We look into the outbox.", None
    )  # fmt: skip
    assert await api.post("/operations/old-events/pause?reason=again") == paused
    assert (await api.post("/operations/old-events/resume"))["status"] == "ACTIVE"
    assert (await api.post("/operations/old-events/resume"))["pausedAt"] is None


async def test_its_interval_is_changed_and_given_back(api: Api) -> None:
    changed = (await api.call("PATCH", "/operations/old-events", {"every": "90s"})).json()
    assert (changed["every"], changed["shippedEvery"]) == ("PT1M30S", "PT10M")
    back = (await api.call("PATCH", "/operations/old-events", {"every": None})).json()
    assert back["every"] == "PT10M"


@pytest.mark.parametrize(
    ("every", "status", "pointer"),
    [("soon", 422, "/every"), ("PT0.5S", 422, "/every"), ("", 400, "/every"), (5, 400, "/every")],
)
async def test_an_interval_that_makes_no_sense_is_refused(api: Api, every: object, status: int, pointer: str) -> None:
    problem = await api.refusal("PATCH", "/operations/old-events", {"every": every})
    assert (problem["status"], problem["errors"][0]["pointer"]) == (status, pointer)


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/operations/mop", "OPERATION_NOT_FOUND"),
        ("GET", "/operations/mop/executions", "OPERATION_NOT_FOUND"),
        ("POST", "/operations/mop/run", "OPERATION_NOT_FOUND"),
        ("POST", "/operations/mop/pause", "OPERATION_NOT_FOUND"),
        ("POST", "/operations/mop/resume", "OPERATION_NOT_FOUND"),
        ("GET", f"/operations/executions/{NOBODY}", "EXECUTION_NOT_FOUND"),
        ("GET", "/operations/executions/mine", "EXECUTION_NOT_FOUND"),
    ],
)
async def test_what_does_not_exist_is_not_found(api: Api, method: str, path: str, code: str) -> None:
    problem = await api.refusal(method, path)
    assert (problem["status"], problem["code"]) == (404, code)


async def test_a_wrong_status_and_an_unknown_parameter_are_refused(api: Api) -> None:
    assert (await api.refusal("GET", "/operations/executions?status=DONE"))["status"] == 400
    assert (await api.refusal("GET", "/operations/executions?state=ERROR"))["status"] == 400
    assert (await api.refusal("PATCH", "/operations/old-events", {}))["status"] == 400


async def test_a_node_with_loops_does_what_is_asked_of_one_without(store_url: str) -> None:
    settings = Settings(database_url=store_url)
    worker, gate = (Container(settings=providers.Object(settings)) for _ in range(2))
    async with (
        running(worker, migrate=False),
        running(gate, migrate=False, loops=False),
        client_of(create_app(gate.services())) as http,
    ):
        api = Api(http)
        asked = await api.post("/operations/expired-locks/run")
        seen = lambda: api.get(f"/operations/executions/{asked['id']}")
        done = await until(seen, lambda execution: execution["status"] == "SUCCESS")
        assert done["triggeredBy"] == "API"
