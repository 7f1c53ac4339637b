"""Overlap policies on both stores, from the fire to the row in the ledger."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from application.scheduling.admitter import Admitter
from bootstrap.container import Container
from tests.integration.rest.api import Api


@pytest.fixture
def admitter(container: Container) -> Admitter:
    return container.admitter()


async def ready(api: Api, overlap: str, **more: Any) -> None:
    await api.create_job(overlap=overlap, **more)
    await api.register()


async def run(api: Api, **body: Any) -> str:
    id_: str = (await api.post("/jobs/backup/trigger", body or None))["id"]
    return id_


async def begun(api: Api, admitter: Admitter) -> list[dict[str, Any]]:
    await admitter.tick()
    tasks: list[dict[str, Any]] = (await api.claim())["tasks"]
    return tasks


async def complete(api: Api, item: dict[str, Any]) -> None:
    await api.report({"taskId": item["taskId"], "token": item["token"], "kind": "COMPLETE"})


async def ledger(api: Api) -> list[str]:
    """Oldest first."""
    return [entry["decision"] for entry in (await api.get("/jobs/backup/occurrences"))["items"]][::-1]


async def test_one_waits_for_its_turn_and_the_rest_is_dropped(api: Api, admitter: Admitter) -> None:
    await ready(api, "BUFFER_ONE")
    first, second = await run(api), await run(api)
    problem = await api.refusal("POST", "/jobs/backup/trigger")
    assert (problem["status"], problem["code"]) == (409, "OVERLAP")
    assert await ledger(api) == ["FIRED", "BUFFERED", "BUFFER_DROPPED"]
    (item,) = await begun(api, admitter)
    assert item["taskId"] == first
    assert await begun(api, admitter) == []
    await complete(api, item)
    (item,) = await begun(api, admitter)
    assert item["taskId"] == second
    assert await ledger(api) == ["FIRED", "FIRED", "BUFFER_DROPPED"]


async def test_all_wait_for_their_turns_in_order(api: Api, admitter: Admitter) -> None:
    await ready(api, "BUFFER_ALL")
    ids = [await run(api) for _ in range(4)]
    seen = []
    for _ in ids:
        (item,) = await begun(api, admitter)
        seen.append(item["taskId"])
        await complete(api, item)
    assert seen == ids
    assert await ledger(api) == ["FIRED"] * 4


async def test_the_other_is_cancelled_and_the_new_one_begins_when_it_has_stopped(api: Api, admitter: Admitter) -> None:
    await ready(api, "CANCEL_OTHER")
    first = await run(api)
    (item,) = await begun(api, admitter)
    second, third = await run(api), await run(api)
    assert (await api.get(f"/tasks/{first}"))["status"] == "CANCELLED"
    assert (await api.get(f"/tasks/{second}"))["status"] == "CANCELLED"
    assert await ledger(api) == ["FIRED", "SUPERSEDED", "BUFFERED"]
    assert await begun(api, admitter) == [], "the first one has not stopped yet"
    await api.report({"taskId": first, "token": item["token"], "kind": "STOPPED"})
    (item,) = await begun(api, admitter)
    assert item["taskId"] == third
    assert await ledger(api) == ["FIRED", "SUPERSEDED", "FIRED"]


async def test_the_other_is_ended_and_the_new_one_begins_at_once(api: Api, admitter: Admitter) -> None:
    await ready(api, "TERMINATE_OTHER")
    first = await run(api)
    await begun(api, admitter)
    second = await run(api)
    assert (await api.get(f"/tasks/{first}"))["stopping"] is True
    (item,) = await begun(api, admitter)
    assert item["taskId"] == second
    assert await ledger(api) == ["FIRED", "FIRED"]


async def test_tasks_asked_for_directly_neither_obey_nor_count(api: Api, admitter: Admitter) -> None:
    await ready(api, "CANCEL_OTHER")
    direct = [(await api.post("/tasks", {"jobId": "backup"}))["id"] for _ in range(2)]
    assert {item["taskId"] for item in await begun(api, admitter)} == set(direct)
    fired = await run(api)
    assert [item["taskId"] for item in await begun(api, admitter)] == [fired]
    assert {(await api.get(f"/tasks/{id_}"))["status"] for id_ in direct} == {"RUNNING"}


async def test_runs_from_before_a_job_took_turns_are_in_the_way_too(api: Api, admitter: Admitter) -> None:
    await ready(api, "ALLOW")
    first = await run(api)
    (item,) = await begun(api, admitter)
    assert (await api.call("PUT", "/jobs/backup", {"overlap": "BUFFER_ONE"})).status_code == 200
    second = await run(api)
    assert await begun(api, admitter) == []
    await complete(api, item)
    assert [i["taskId"] for i in await begun(api, admitter)] == [second]
    assert first != second


async def test_a_run_may_have_another_policy_of_its_kind_only(api: Api) -> None:
    await ready(api, "BUFFER_ALL")
    await run(api)
    problem = await api.refusal("POST", "/jobs/backup/trigger", {"overlap": "ALLOW"})
    assert (problem["status"], problem["errors"][0]["pointer"]) == (422, "/overlap")
    assert (await api.refusal("POST", "/jobs/backup/trigger", {"overlap": "SKIP"}))["code"] == "OVERLAP"
    problem = await api.refusal("PUT", "/jobs/backup", {"concurrency": {"limit": 1}})
    assert [e["code"] for e in problem["errors"]] == ["OVERLAP_TAKES_TURNS"]


async def test_an_event_that_is_buffered_is_taken_once(api: Api, admitter: Admitter) -> None:
    await ready(api, "BUFFER_ALL", trigger={"type": "EVENT", "eventType": "t"})
    event = {"specversion": "1.0", "type": "t", "source": "s"}
    for id_ in ("1", "2", "2"):
        await api.http.post(
            "/api/v1/events", json=event | {"id": id_}, headers={"content-type": "application/cloudevents+json"}
        )
    assert await ledger(api) == ["FIRED", "BUFFERED"]
    (item,) = await begun(api, admitter)
    await complete(api, item)
    assert len(await begun(api, admitter)) == 1
    assert await ledger(api) == ["FIRED", "FIRED"]


async def test_runs_from_before_a_job_took_turns_do_not_wait_for_theirs(api: Api, admitter: Admitter) -> None:
    await ready(api, "ALLOW")
    await run(api), await run(api)
    assert len(await begun(api, admitter)) == 2
    assert (await api.call("PUT", "/jobs/backup", {"overlap": "BUFFER_ONE"})).status_code == 200
    await run(api)
    assert await ledger(api) == ["FIRED", "FIRED", "BUFFERED"]
    assert (await api.refusal("POST", "/jobs/backup/trigger"))["code"] == "OVERLAP"


async def test_a_fire_that_is_cancelled_before_its_turn_was_dropped(api: Api, admitter: Admitter) -> None:
    await ready(api, "BUFFER_ONE")
    first, second = await run(api), await run(api)
    await api.post(f"/tasks/{second}/cancel", {"reason": "no need"})
    (entry, _) = (await api.get("/jobs/backup/occurrences"))["items"]
    assert (entry["decision"], entry["taskId"]) == ("BUFFER_DROPPED", second)
    assert entry["reason"] == "its task was CANCELLED before its turn: no need"
    third = await run(api)
    assert await ledger(api) == ["FIRED", "BUFFER_DROPPED", "BUFFERED"], "there is room for one again"
    (item,) = await begun(api, admitter)
    await complete(api, item)
    assert [i["taskId"] for i in await begun(api, admitter)] == [third]
    assert first != third


async def test_a_fire_that_was_dropped_waits_again_when_an_operator_retries_it(api: Api, admitter: Admitter) -> None:
    await ready(api, "BUFFER_ONE")
    await run(api)
    second = await run(api)
    await api.post(f"/tasks/{second}/cancel")
    await api.post(f"/tasks/{second}/retry")
    assert await ledger(api) == ["FIRED", "BUFFERED"]
    (item,) = await begun(api, admitter)
    await complete(api, item)
    assert [i["taskId"] for i in await begun(api, admitter)] == [second]
    assert await ledger(api) == ["FIRED", "FIRED"]


async def test_a_fire_whose_time_is_over_before_its_turn_was_dropped(
    api: Api, admitter: Admitter, container: Container
) -> None:
    await ready(api, "BUFFER_ALL", timeouts={"total": "PT1S"})
    first, second = await run(api), await run(api)
    await begun(api, admitter)
    async with asyncio.timeout(30):
        while (await api.get(f"/tasks/{second}"))["status"] != "TIMEOUT":
            await asyncio.sleep(0.05)
            await container.reaper().tick()
    entries = (await api.get("/jobs/backup/occurrences"))["items"]
    assert [(e["decision"], e["taskId"]) for e in entries] == [("BUFFER_DROPPED", second), ("FIRED", first)]
    assert entries[0]["reason"] == "its task ran out of time before its turn"


async def test_a_fire_that_is_given_away_by_name_has_begun(api: Api, admitter: Admitter) -> None:
    await ready(api, "BUFFER_ONE")
    await run(api)
    second = await run(api)
    await api.post(f"/tasks/{second}/assign", {"executorId": "worker-1"})
    assert await ledger(api) == ["FIRED", "FIRED"]


async def fail(api: Api, item: dict[str, Any]) -> None:
    error = {"code": "X", "message": "m"}
    await api.report({"taskId": item["taskId"], "token": item["token"], "kind": "FAIL", "error": error})


@pytest.mark.parametrize("limits", [{}, {"rateLimit": {"limit": 100, "per": "PT1S"}}])
async def test_a_retry_holds_its_place(api: Api, admitter: Admitter, limits: dict[str, Any]) -> None:
    await ready(api, "BUFFER_ALL", retry={"maxAttempts": 3, "delay": "PT0S"}, **limits)
    first, second = await run(api), await run(api)
    for _ in range(3):
        (item,) = await begun(api, admitter)
        assert item["taskId"] == first
        await fail(api, item)
    assert [i["taskId"] for i in await begun(api, admitter)] == [second]


async def test_nobody_begins_while_a_task_waits_for_its_retry(api: Api, admitter: Admitter) -> None:
    await ready(api, "BUFFER_ALL", retry={"maxAttempts": 2, "delay": "PT1S", "jitter": 0})
    first, second = await run(api), await run(api)
    (item,) = await begun(api, admitter)
    await fail(api, item)
    assert (await api.get(f"/tasks/{first}"))["status"] == "WAITING_RETRY"
    seen: list[dict[str, Any]] = []
    async with asyncio.timeout(30):
        while not seen:
            seen = await begun(api, admitter)
    assert [i["taskId"] for i in seen] == [first]
    await complete(api, seen[0])
    assert [i["taskId"] for i in await begun(api, admitter)] == [second]
