"""The fires to come of all jobs over REST."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bootstrap.container import Container
from tests.integration.rest.api import COMMAND, Api

SPAN = {"from": "2199-01-01T00:00:00Z", "to": "2199-01-02T00:00:00Z"}


async def create(api: Api, name: str, expression: str = "0 6,18 * * *", **more: Any) -> None:
    trigger = {"type": "CRON", "expression": expression, "timeZone": "Europe/Berlin"}
    job = {"name": name, "type": "COMMAND", "parameters": COMMAND, "active": True, "trigger": trigger}
    await api.post("/jobs", {**job, **more})


async def told(api: Api, **query: Any) -> dict[str, Any]:
    found: dict[str, Any] = await api.get("/upcoming", **{**SPAN, **query})
    return found


async def test_a_fire_is_told_in_the_zone_one_asks_for(api: Api) -> None:
    await create(api, "backup")
    found = await told(api, tz="Asia/Tokyo")
    assert {name: found[name] for name in ("from", "to", "timeZone", "hasMore", "unreadable")} == {
        **SPAN, "timeZone": "Asia/Tokyo", "hasMore": False, "unreadable": [],
    }  # fmt: skip
    first, second = found["items"]
    assert first.pop("jobId")
    assert first == {
        "job": "backup", "type": "COMMAND", "pool": "default", "count": 1, "lastPlannedAt": None, "interval": None,
        "nominalAt": "2199-01-01T05:00:00Z", "plannedAt": "2199-01-01T05:00:00Z",
        "localAt": "2199-01-01T14:00:00+09:00", "windowEndsAt": None, "skipped": None, "skippedCount": 0,
        "projectedDurationSeconds": None, "hasMore": False, "isEstimate": False,
    }  # fmt: skip
    assert second["plannedAt"] == "2199-01-01T17:00:00Z"
    (pool,) = found["pools"]
    assert (pool["pool"], pool["slots"], pool["peak"], pool["peakAt"]) == ("default", 0, 1, "2199-01-01T05:00:00Z")
    assert (pool["bucket"], len(pool["needed"]), sum(pool["needed"])) == ("PT15M", 96, 2)


async def test_many_fires_of_a_job_are_one_item(api: Api) -> None:
    await create(api, "busy", "*/5 * * * *")
    (item,) = (await told(api))["items"]
    assert (item["count"], item["interval"], item["lastPlannedAt"]) == (288, "PT5M", "2199-01-01T23:55:00Z")
    assert len((await told(api, to="2199-01-01T01:00:00Z", collapse=12))["items"]) == 12


async def test_filters_and_limits_narrow_the_answer(api: Api) -> None:
    await create(api, "one", tags=["a", "b"])
    await create(api, "two", placement={"pool": "gpu"}, tags=["b"])
    await api.post("/jobs/two/pause", {})
    await create(api, "three", placement={"pool": "gpu"}, tags=["b"])
    for query, names in (
        ({}, {"one", "three"}),
        ({"tag": "a"}, {"one"}),
        ({"pool": "gpu,default"}, {"one", "three"}),
        ({"job": "three,nobody"}, {"three"}),
        ({"type": "SQL"}, set()),
    ):
        assert {item["job"] for item in (await told(api, **query))["items"]} == names
    some = await told(api, limit=1)
    assert (len(some["items"]), some["hasMore"]) == (1, True)


async def test_local_times_are_read_in_the_zone(api: Api) -> None:
    found = await told(api, tz="Europe/Berlin", **{"from": "2199-01-01T00:00:00", "to": "2199-01-02T00:00"})
    assert (found["from"], found["to"]) == ("2198-12-31T23:00:00Z", "2199-01-01T23:00:00Z")


async def test_what_has_run_tells_how_long_it_takes_and_what_is_skipped_why(api: Api, container: Container) -> None:
    await create(api, "backup")
    await api.register()
    task = await api.post("/jobs/backup/trigger", {})
    await api.post(f"/tasks/{task['id']}/assign", {"executorId": "worker-1"})
    await api.post(f"/tasks/{task['id']}/start", {"executorId": "worker-1"})
    await api.post(f"/tasks/{task['id']}/complete", {"executorId": "worker-1"})
    nominal = {"nominalAt": "2199-01-01T05:00:00Z"}
    await api.post("/jobs/backup/skip", {**nominal, "reason": "freeze"})
    found = await told(api)
    first, second = found["items"]
    assert (first["skipped"], first["skippedCount"]) == ({"reason": "freeze", "by": "local"}, 1)
    assert second["skipped"] is None
    assert 0 <= second["projectedDurationSeconds"] < 60
    assert found["pools"][0]["slots"] > 0
    assert found["pools"][0]["peakAt"] == "2199-01-01T17:00:00Z"


async def test_what_is_told_of_the_next_seconds_happens(api: Api, container: Container) -> None:
    await create(api, "tick", "* * * * * *", overlap="ALLOW", trigger={"type": "FIXED_RATE", "every": "PT0.3S"})
    await container.planner().tick()
    end = datetime.now(UTC) + timedelta(seconds=1.5)
    items = (await api.get("/upcoming", to=end.isoformat(), collapse=200))["items"]
    foreseen = [item["nominalAt"] for item in items]
    while datetime.now(UTC) < end:
        await container.planner().tick()
    await container.planner().tick()
    entries = (await api.get("/jobs/tick/occurrences", limit=200))["items"]
    assert foreseen
    assert set(foreseen) <= {entry["nominalAt"] for entry in entries if entry["decision"] in ("FIRED", "COALESCED")}


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"from": "yesterday"}, "from"),
        ({"to": "2199-02-30T00:00:00"}, "to"),
        ({"to": "2199-01-01T00:00:00Z"}, "to"),
        ({"to": "2200-01-01T00:00:00Z"}, "to"),
        ({"from": "9999-01-01T00:00:00Z"}, "from"),
        ({"tz": "Europe/Berln"}, "tz"),
        ({"limit": "2001"}, "limit"),
        ({"collapse": "0"}, "collapse"),
        ({"tag": ""}, "tag"),
        ({"from": "2199-03-31T02:30:00+99:00"}, "from"),
        ({"until": "2199-01-01T00:00:00Z"}, "until"),
    ],
)
async def test_a_wrong_parameter_is_named(api: Api, query: dict[str, str], parameter: str) -> None:
    answer = await api.http.get("/api/v1/upcoming", params={**SPAN, **query})
    assert (answer.status_code, answer.json()["errors"][0]["parameter"]) == (400, parameter)
