"""Backfills over REST: started, rehearsed, followed, paused, cancelled, refused."""

from __future__ import annotations

from typing import Any

import pytest

from bootstrap.container import Container
from tests.integration.rest.api import Api

DAILY = {"type": "CRON", "expression": "0 2 * * *", "timeZone": "UTC"}
WEEK = {"from": "2026-03-01T00:00:00Z", "to": "2026-03-08T00:00:00Z"}


async def start(api: Api, **more: Any) -> Any:
    return await api.post("/jobs/backup/backfill", WEEK | more)


async def test_a_week_of_nights_is_made_up_for_and_the_ledger_says_so(api: Api, container: Container) -> None:
    await api.create_job(trigger=DAILY, overlap="ALLOW")
    made = await start(api, maxLive=5)
    assert (made["status"], made["overlap"], made["progress"], made["priority"]) == ("RUNNING", "ALLOW", 0.0, 1)
    assert (made["from"], made["to"]) == (WEEK["from"], WEEK["to"])
    await container.backfiller().tick()
    assert [t["nominalAt"] for t in (await api.get("/tasks"))["items"]][::-1] == [
        f"2026-03-0{day}T02:00:00Z" for day in range(1, 6)
    ]
    now = await api.get(f"/backfills/{made['id']}")
    assert (now["fired"], now["status"], 0.7 < now["progress"] < 0.8) == (5, "RUNNING", True)
    await api.register()
    work = (await api.claim())["tasks"]
    assert [t["nominalAt"] for t in work] == [f"2026-03-0{day}T02:00:00Z" for day in range(1, 6)]
    await api.report(*({"taskId": t["taskId"], "token": t["token"], "kind": "COMPLETE"} for t in work))
    await api.post(f"/backfills/{made['id']}/pause")
    await api.post(f"/backfills/{made['id']}/resume")  # so that no test waits for a second
    await container.backfiller().tick()
    done = await api.get(f"/backfills/{made['id']}")
    assert (done["status"], done["fired"], done["progress"], done["nextStepAt"]) == ("COMPLETED", 7, 1.0, None)
    entries = (await api.get("/jobs/backup/occurrences"))["items"]
    assert {(e["decision"], e["reason"]) for e in entries} == {("FIRED", f"backfill {made['id']}")}
    assert (await api.get("/jobs/backup"))["nextFireAt"] is not None


async def test_a_dry_run_counts_shows_the_first_times_and_starts_nothing(api: Api) -> None:
    await api.create_job(trigger=DAILY)
    answer = await api.call("POST", "/jobs/backup/backfill", WEEK | {"order": "NEWEST_FIRST"}, params={"dryRun": True})
    found = answer.json()
    assert answer.status_code == 200
    assert (found["count"], found["alreadyFired"], found["exact"], found["overlap"]) == (7, 0, True, "WAIT")
    assert found["times"] == [f"2026-03-0{day}T02:00:00Z" for day in range(7, 0, -1)]
    assert (await api.get("/backfills"))["items"] == []


async def test_it_is_found_by_job_and_status_and_cancelled_with_a_reason(api: Api) -> None:
    await api.create_job(trigger=DAILY)
    made = await start(api)
    assert (await api.get("/backfills", jobId="backup", status="RUNNING"))["items"] == [made]
    assert (await api.get("/backfills", status="PAUSED,COMPLETED"))["items"] == []
    gone = await api.post(f"/backfills/{made['id']}/cancel?reason=the+wrong+week")
    assert (gone["status"], gone["statusReason"]) == ("CANCELLED", "the wrong week")
    problem = await api.refusal("POST", f"/backfills/{made['id']}/resume")
    assert (problem["status"], problem["code"], problem["currentStatus"]) == (409, "ILLEGAL_STATE", "CANCELLED")
    await start(api)
    assert (await api.refusal("POST", "/jobs/backup/backfill", WEEK))["code"] == "BACKFILL_UNDER_WAY"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"to": "2026-03-01T00:00:00Z"}, "/to"),
        ({"to": "2199-01-01T00:00:00Z"}, "/to"),
        ({"from": "2026-03-01T00:00:00"}, "/from"),
        ({"from": "1900-01-01T00:00:00Z"}, "/from"),
        ({"from": "yesterday"}, "/from"),
        ({"from": "2026-03-01T03:00:00Z", "to": "2026-03-01T04:00:00Z"}, "/from"),
        ({"order": "RANDOM"}, "/order"),
        ({"overlap": "SKIP"}, "/overlap"),
        ({"maxLive": 0}, "/maxLive"),
        ({"maxLive": 10**30}, "/maxLive"),
        ({"maxPerMinute": -1}, "/maxPerMinute"),
        ({"priority": "URGENT"}, "/priority"),
        ({"speed": 1}, "/speed"),
    ],
)
async def test_a_request_that_makes_no_sense_names_the_member(api: Api, body: dict[str, Any], pointer: str) -> None:
    await api.create_job(trigger=DAILY)
    problem = await api.refusal("POST", "/jobs/backup/backfill", WEEK | body)
    assert problem["status"] in (400, 422)
    assert [e["pointer"] for e in problem["errors"]] == [pointer]


async def test_jobs_and_backfills_that_are_not_there_or_cannot_run_are_refused(api: Api) -> None:
    assert (await api.refusal("POST", "/jobs/nobody/backfill", WEEK))["code"] == "JOB_NOT_FOUND"
    for id_ in ("x", "01980f5c-8d5a-7c11-9f3e-2b6a54c0d1e7"):
        assert (await api.refusal("GET", f"/backfills/{id_}"))["code"] == "BACKFILL_NOT_FOUND"
        assert (await api.refusal("POST", f"/backfills/{id_}/cancel"))["code"] == "BACKFILL_NOT_FOUND"
    await api.create_job("idle", trigger=DAILY, active=False)
    assert (await api.refusal("POST", "/jobs/idle/backfill", WEEK))["code"] == "ILLEGAL_STATE"
    await api.create_job("by-hand")
    assert (await api.refusal("POST", "/jobs/by-hand/backfill", WEEK))["code"] == "NOTHING_TO_BACKFILL"
    assert (await api.refusal("GET", "/backfills?status=DONE"))["code"] == "INVALID_PARAMETER"
