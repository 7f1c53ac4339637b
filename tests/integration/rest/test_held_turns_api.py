"""Fires that wait for their turn while their job is paused, goes out of service, or has a limit on executions."""

from __future__ import annotations

from typing import Any

import pytest
from dependency_injector import providers

from application.scheduling.admitter import Admitter
from bootstrap.container import Container
from bootstrap.settings import Settings
from tests.integration.rest.api import Api
from tests.integration.rest.test_overlap_api import begun, complete, ledger, ready, run

EVENT = {"type": "EVENT", "eventType": "t"}


@pytest.fixture
def admitter(container: Container) -> Admitter:
    return container.admitter()


async def send(api: Api, *ids: str) -> None:
    for id_ in ids:
        event = {"specversion": "1.0", "type": "t", "source": "s", "id": id_}
        headers = {"content-type": "application/cloudevents+json"}
        assert (await api.http.post("/api/v1/events", json=event, headers=headers)).status_code < 300


async def one_runs_and_one_waits(api: Api, admitter: Admitter, policy: str = "BUFFER_ONE") -> dict[str, Any]:
    await ready(api, policy, trigger=EVENT)
    await send(api, "1", "2")
    (item,) = await begun(api, admitter)
    return item


async def test_a_pause_holds_back_what_waits_for_its_turn_and_a_resume_lets_it_go(api: Api, admitter: Admitter) -> None:
    item = await one_runs_and_one_waits(api, admitter)
    await api.post("/jobs/backup/pause", {"reason": "why"})
    await complete(api, item)
    assert await begun(api, admitter) == []
    assert await ledger(api) == ["FIRED", "BUFFERED"]
    (waiting,) = (await api.get("/tasks", status="PENDING"))["items"]
    explained = await api.get(f"/tasks/{waiting['id']}/explain")
    assert explained["reasons"][0]["code"] == "PAUSED"
    await api.post("/jobs/backup/resume")
    assert [i["taskId"] for i in await begun(api, admitter)] == [waiting["id"]]
    assert await ledger(api) == ["FIRED", "FIRED"]


async def test_what_somebody_asks_for_goes_while_the_job_is_paused(api: Api, admitter: Admitter) -> None:
    item = await one_runs_and_one_waits(api, admitter)
    await api.post("/jobs/backup/pause")
    await complete(api, item)
    assert await begun(api, admitter) == []
    asked_for = await run(api)
    assert [i["taskId"] for i in await begun(api, admitter)] == [asked_for]
    assert await ledger(api) == ["FIRED", "BUFFERED", "FIRED"]


async def test_a_run_that_was_asked_for_and_waits_goes_while_the_job_is_paused(api: Api, admitter: Admitter) -> None:
    await ready(api, "BUFFER_ONE")
    await run(api)
    second = await run(api)
    (item,) = await begun(api, admitter)
    await api.post("/jobs/backup/pause")
    await complete(api, item)
    assert [i["taskId"] for i in await begun(api, admitter)] == [second]


async def test_what_waits_is_dropped_when_the_job_goes_out_of_service(api: Api, admitter: Admitter) -> None:
    item = await one_runs_and_one_waits(api, admitter, "BUFFER_ALL")
    second = await run(api)
    await api.post("/jobs/backup/disable", {"reason": "broken"})
    assert (await api.get(f"/tasks/{second}"))["status"] == "CANCELLED"
    entries = (await api.get("/jobs/backup/occurrences"))["items"][:2]
    reason = "the job was disabled before its turn: broken"
    assert [(e["decision"], e["reason"]) for e in entries] == [("SKIPPED_DISABLED", reason)] * 2
    assert (await api.get(f"/tasks/{item['taskId']}"))["status"] == "RUNNING", "what has begun goes on"
    await api.post("/jobs/backup/activate")
    await complete(api, item)
    assert await begun(api, admitter) == []


@pytest.mark.parametrize("verb", ["disable", "delete"])
async def test_what_a_pause_holds_back_does_not_stay_for_ever(api: Api, admitter: Admitter, verb: str) -> None:
    item = await one_runs_and_one_waits(api, admitter)
    await api.post("/jobs/backup/pause")
    await complete(api, item)
    assert await begun(api, admitter) == []
    (waiting,) = (await api.get("/tasks", status="PENDING"))["items"]
    if verb == "disable":
        await api.post("/jobs/backup/disable", {"reason": "broken"})
        assert (await api.get(f"/tasks/{waiting['id']}"))["status"] == "CANCELLED"
    else:
        assert (await api.call("DELETE", "/jobs/backup?liveTasks=KEEP")).status_code < 300
        assert [i["taskId"] for i in await begun(api, admitter)] == [waiting["id"]]


async def test_a_limit_on_executions_counts_what_has_begun(api: Api, admitter: Admitter) -> None:
    await ready(api, "BUFFER_ALL", trigger=EVENT | {"maxExecutions": 2})
    await send(api, "1", "2", "3")
    assert await ledger(api) == ["FIRED", "BUFFERED", "BUFFER_DROPPED"]
    assert (await api.get("/jobs/backup"))["exhausted"] is False
    (item,) = await begun(api, admitter)
    (waiting,) = (await api.get("/tasks", status="PENDING"))["items"]
    await api.post(f"/tasks/{waiting['id']}/cancel")
    await complete(api, item)
    await send(api, "4")
    assert await ledger(api) == ["FIRED", "BUFFER_DROPPED", "BUFFER_DROPPED", "FIRED"]
    assert (await api.get("/jobs/backup"))["exhausted"] is True


async def test_the_limit_is_reached_when_the_last_one_has_its_turn(api: Api, admitter: Admitter) -> None:
    every = {"type": "FIXED_RATE", "every": "PT1H", "startAt": "2999-01-01T00:00:00Z"}
    await ready(api, "BUFFER_ALL", trigger={"type": "ANY_OF", "triggers": [EVENT, every], "maxExecutions": 2})
    await send(api, "1", "2")
    assert (await api.get("/jobs/backup"))["nextFireAt"] is not None
    (item,) = await begun(api, admitter)
    await complete(api, item)
    await begun(api, admitter)
    job = await api.get("/jobs/backup")
    assert (job["exhausted"], job["nextFireAt"]) == (True, None)
    await send(api, "3")
    assert await ledger(api) == ["FIRED", "FIRED"]


async def test_what_somebody_asked_for_is_not_counted_when_it_begins(api: Api, admitter: Admitter) -> None:
    await ready(api, "BUFFER_ALL", trigger=EVENT | {"maxExecutions": 1})
    await run(api), await run(api)
    for _ in range(2):
        (item,) = await begun(api, admitter)
        await complete(api, item)
    await send(api, "1")
    assert await ledger(api) == ["FIRED"] * 3


async def test_what_waits_has_its_turn_after_a_restart(
    api: Api, admitter: Admitter, container: Container, store_url: str
) -> None:
    await ready(api, "BUFFER_ALL")
    ids = [await run(api) for _ in range(3)]
    (item,) = await begun(api, admitter)
    await container.store().dispose()
    again = Container(settings=providers.Object(Settings(database_url=store_url)))
    seen = []
    for _ in ids:
        assert await begun(api, again.admitter()) == []
        seen.append(item["taskId"])
        await complete(api, item)
        (item,) = await begun(api, again.admitter()) or ({},)
    await again.store().dispose()
    assert (seen, item) == (ids, {})
    assert await ledger(api) == ["FIRED"] * 3
