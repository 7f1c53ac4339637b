"""Jobs over REST: defined, changed, started and stopped, looked at."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from tests.integration.rest.api import COMMAND, UNKNOWN, Api

NIGHTLY = {"type": "CRON", "expression": "0 2 * * *", "timeZone": "Europe/Berlin", "jitter": "PT30S"}


async def test_a_new_job_is_answered_with_its_place_and_its_defaults(api: Api) -> None:
    answer = await api.call("POST", "/jobs", {"name": "backup", "type": "COMMAND", "parameters": COMMAND})
    job = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/api/v1/jobs/{job['id']}"
    assert (job["name"], job["status"], job["version"], job["priority"]) == ("backup", "CREATED", 1, 5)
    assert job["trigger"] == {"type": "MANUAL"}
    assert job["retry"]["maxAttempts"] == 3
    assert job["overlap"] == "SKIP"
    assert job["parameters"] == COMMAND
    assert job["nextFireAt"] is None
    assert job["exhausted"] is False
    assert job["createdAt"].endswith("Z")


async def test_an_active_job_knows_when_it_fires_next(api: Api) -> None:
    job = await api.create_job(trigger=NIGHTLY, priority="HIGH", tags=["team:x"])
    assert (job["status"], job["priority"], job["tags"]) == ("ACTIVE", 7, ["team:x"])
    fires = (await api.get("/jobs/backup/next", count=3))["fires"]
    assert len(fires) == 3
    assert job["nextFireAt"] == fires[0]["plannedAt"]
    nominal, planned, following = map(
        datetime.fromisoformat, (fires[0]["nominalAt"], fires[0]["plannedAt"], fires[1]["nominalAt"])
    )
    assert nominal <= planned < following


async def test_a_job_is_read_by_its_name_as_by_its_id(api: Api) -> None:
    job = await api.create_job()
    assert await api.get("/jobs/backup") == await api.get(f"/jobs/{job['id']}") == job


async def test_an_update_changes_what_it_names_and_null_goes_back_to_the_default(api: Api) -> None:
    await api.create_job(description="old", priority=9, tags=["a"], trigger=NIGHTLY)
    changed = (await api.call("PUT", "/jobs/backup", {"description": "new", "priority": None})).json()
    assert (changed["description"], changed["priority"], changed["tags"]) == ("new", 5, ["a"])
    assert changed["trigger"]["expression"] == "0 2 * * *"
    assert changed["version"] > 1


async def test_a_job_is_paused_resumed_disabled_and_activated(api: Api) -> None:
    await api.create_job(trigger=NIGHTLY)
    paused = await api.post("/jobs/backup/pause", {"reason": "moving house"})
    assert (paused["status"], paused["statusReason"], paused["nextFireAt"]) == ("PAUSED", "moving house", None)
    assert (await api.post("/jobs/backup/resume"))["nextFireAt"] is not None
    disabled = await api.post("/jobs/backup/disable", {"reason": "broken"})
    assert (disabled["status"], disabled["statusReason"]) == ("DISABLED", "broken")
    assert (await api.post("/jobs/backup/activate"))["status"] == "ACTIVE"


async def test_a_verb_that_is_satisfied_already_changes_nothing(api: Api) -> None:
    job = await api.create_job()
    assert await api.post("/jobs/backup/activate") == job


async def test_an_impossible_verb_says_what_is_possible(api: Api) -> None:
    await api.create_job(active=False)
    problem = await api.refusal("POST", "/jobs/backup/pause")
    assert (problem["status"], problem["code"], problem["currentStatus"]) == (409, "ILLEGAL_STATE", "CREATED")
    assert "activate" in problem["allowedActions"]


async def test_disabling_needs_a_reason(api: Api) -> None:
    await api.create_job()
    for body in (None, {}, {"reason": None}, {"reason": ""}):
        problem = await api.refusal("POST", "/jobs/backup/disable", body)
        assert (problem["status"], problem["code"]) == (400, "INVALID_PARAMETER")
    assert (await api.get("/jobs/backup"))["status"] == "ACTIVE"


async def test_a_deleted_job_keeps_its_history_and_frees_its_name(api: Api) -> None:
    job = await api.create_job()
    task = await api.post("/jobs/backup/trigger")
    assert (await api.call("DELETE", "/jobs/backup")).json()["status"] == "DELETED"
    assert (await api.get(f"/jobs/{job['id']}"))["status"] == "DELETED"
    assert (await api.refusal("GET", "/jobs/backup"))["code"] == "JOB_NOT_FOUND"
    assert (await api.get(f"/tasks/{task['id']}"))["status"] == "CANCELLED"
    assert (await api.create_job())["id"] != job["id"]


async def test_a_deleted_job_may_leave_its_tasks_alone(api: Api) -> None:
    await api.create_job()
    task = await api.post("/jobs/backup/trigger")
    await api.call("DELETE", "/jobs/backup", params={"liveTasks": "KEEP"})
    assert (await api.get(f"/tasks/{task['id']}"))["status"] == "PENDING"


async def test_a_run_by_hand_is_answered_with_its_task(api: Api) -> None:
    job = await api.create_job()
    answer = await api.call("POST", "/jobs/backup/trigger", {"parameters": {"command": "date"}})
    task = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (201, f"/api/v1/tasks/{task['id']}")
    assert (task["jobId"], task["origin"], task["parameters"]) == (job["id"], "MANUAL", {"command": "date"})


async def test_a_run_that_overlaps_is_refused_and_noted_unless_it_may(api: Api) -> None:
    await api.create_job()
    task = await api.post("/jobs/backup/trigger")
    assert (await api.refusal("POST", "/jobs/backup/trigger"))["code"] == "OVERLAP"
    other = await api.post("/jobs/backup/trigger", {"overlap": "ALLOW"})
    ledger = (await api.get("/jobs/backup/occurrences"))["items"]
    assert [entry["decision"] for entry in ledger] == ["FIRED", "SKIPPED_OVERLAP", "FIRED"]
    assert [entry["taskId"] for entry in ledger] == [other["id"], None, task["id"]]


async def test_jobs_are_listed_by_name_page_by_page(api: Api) -> None:
    for name in ("c", "a", "b"):
        await api.create_job(name)
    first = await api.get("/jobs", limit=2)
    assert [job["name"] for job in first["items"]] == ["a", "b"]
    second = await api.get("/jobs", limit=2, cursor=first["nextCursor"])
    assert ([job["name"] for job in second["items"]], second["nextCursor"]) == (["c"], None)


async def test_jobs_are_filtered(api: Api) -> None:
    await api.create_job("a", tags=["x"])
    await api.create_job("b", tags=["x", "y"], active=False)
    await api.create_job("c")
    for query, names in (
        ({"status": "ACTIVE,PAUSED"}, ["a", "c"]),
        ({"tag": "y"}, ["b"]),
        ({"name": "a,c"}, ["a", "c"]),
        ({"tag": "x", "status": "ACTIVE"}, ["a"]),
    ):
        assert [job["name"] for job in (await api.get("/jobs", **query))["items"]] == names


async def test_a_name_is_given_once(api: Api) -> None:
    await api.create_job()
    problem = await api.refusal("POST", "/jobs", {"name": "backup", "type": "COMMAND", "parameters": COMMAND})
    assert (problem["status"], problem["code"]) == (409, "JOB_NAME_TAKEN")


@pytest.mark.parametrize("path", ["/jobs/nobody", f"/jobs/{UNKNOWN}", "/jobs/nobody/next", "/jobs/nobody/occurrences"])
async def test_an_unknown_job_is_not_found(api: Api, path: str) -> None:
    problem = await api.refusal("GET", path)
    assert (problem["status"], problem["code"]) == (404, "JOB_NOT_FOUND")


@pytest.mark.parametrize(
    ("change", "code", "pointer"),
    [
        ({"name": "No Capitals"}, "INVALID_NAME", "/name"),
        ({"type": "COBOL"}, "UNKNOWN_JOB_TYPE", "/type"),
        ({"parameters": {}}, "INVALID_PARAMETERS", "/parameters/command"),
        ({"priority": 11}, "INVALID_PRIORITY", "/priority"),
        ({"retry": {"delay": "5 minutes"}}, "SYNTAX", "/retry/delay"),
        ({"timeouts": {"execution": "PT0S"}}, "INVALID_TIMEOUT", "/timeouts/execution"),
        ({"trigger": {"type": "CRON", "expression": "0 2 * * *", "timeZone": "Mars/Base"}}, None, "/trigger/timeZone"),
    ],
)
async def test_what_a_job_may_not_be_is_pointed_at(
    api: Api, change: dict[str, Any], code: str | None, pointer: str
) -> None:
    problem = await api.refusal("POST", "/jobs", {"name": "a", "type": "COMMAND", "parameters": COMMAND} | change)
    assert problem["status"] == 422
    assert [error["pointer"] for error in problem["errors"]] == [pointer]
    assert code in (None, problem["errors"][0]["code"])
    assert (await api.get("/jobs"))["items"] == []


async def test_an_impossible_cron_expression_names_the_place_and_the_character(api: Api) -> None:
    trigger = {"type": "CRON", "expression": "0 25 * * *"}
    body = {"name": "a", "type": "COMMAND", "parameters": COMMAND, "trigger": trigger}
    problem = await api.refusal("POST", "/jobs", body)
    (error,) = problem["errors"]
    assert (problem["status"], error["pointer"], error["offset"]) == (422, "/trigger/expression", 2)
    assert "0-23" in error["detail"]


async def test_jobs_are_applied_by_name_each_for_itself(api: Api) -> None:
    good = {"name": "a", "type": "COMMAND", "parameters": COMMAND, "active": True, "trigger": NIGHTLY}
    plan = {"jobs": [good, {"name": "b", "type": "COBOL"}, {"name": "c", "kind": 1}]}
    created, failed, malformed = (await api.post("/apply", plan))["items"]
    assert (created["name"], created["action"]) == ("a", "CREATED")
    assert created["nextFireAt"] is not None
    assert created["problem"] is None
    assert (failed["name"], failed["action"], failed["problem"]["status"]) == ("b", "FAILED", 422)
    assert failed["problem"]["errors"][0]["pointer"] == "/type"
    assert (malformed["name"], malformed["problem"]["status"]) == ("c", 400)
    again = (await api.post("/apply", {"jobs": [good]}))["items"]
    assert [item["action"] for item in again] == ["UNCHANGED"]
    changed = (await api.post("/apply", {"jobs": [good | {"description": "new"}]}))["items"]
    assert [item["action"] for item in changed] == ["UPDATED"]


async def test_a_dry_run_keeps_nothing(api: Api) -> None:
    good = {"name": "a", "type": "COMMAND", "parameters": COMMAND}
    (item,) = (await api.post("/apply", {"jobs": [good], "dryRun": True}))["items"]
    assert item["action"] == "CREATED"
    assert (await api.get("/jobs"))["items"] == []


async def test_at_most_a_thousand_jobs_are_applied_at_once(api: Api) -> None:
    problem = await api.refusal("POST", "/apply", {"jobs": [{}] * 1001})
    assert (problem["status"], problem["errors"][0]["pointer"]) == (400, "/jobs")
