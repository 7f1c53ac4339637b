"""Jobs changed in part, on terms, or only to see what would be."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.rest.api import COMMAND, Api

NIGHTLY = {"type": "CRON", "expression": "0 2 * * *", "timeZone": "Europe/Berlin"}
VERBS = ["activate", "pause", "resume", "disable?reason=x"]


async def etag(api: Api) -> str:
    tag: str = (await api.call("GET", "/jobs/backup")).headers["etag"]
    return tag


async def test_a_patch_is_merged_down_to_single_parameters(api: Api) -> None:
    await api.create_job(
        trigger=NIGHTLY,
        parameters={"command": ["pg_dump"], "env": {"A": "1", "B": "2"}},
        retry={"maxAttempts": 7, "delay": "PT9S"},
    )
    patch = {"parameters": {"env": {"B": None, "C": "3"}}, "retry": {"delay": None}, "description": "new"}
    patched = (await api.call("PATCH", "/jobs/backup", patch)).json()
    assert patched["parameters"] == {"command": ["pg_dump"], "env": {"A": "1", "C": "3"}}
    assert (patched["retry"]["maxAttempts"], patched["retry"]["delay"]) == (7, "PT1M")
    assert (patched["description"], patched["trigger"]["timeZone"]) == ("new", "Europe/Berlin")
    hourly = (await api.call("PATCH", "/jobs/backup", {"trigger": {"expression": "0 * * * *"}})).json()
    assert (hourly["trigger"]["expression"], hourly["trigger"]["timeZone"]) == ("0 * * * *", "Europe/Berlin")
    manual = (await api.call("PATCH", "/jobs/backup", {"trigger": {"type": "MANUAL"}})).json()
    assert (manual["trigger"], manual["nextFireAt"]) == ({"type": "MANUAL"}, None)


async def test_a_patch_may_say_what_it_is(api: Api) -> None:
    await api.create_job()
    headers = {"Content-Type": "application/merge-patch+json"}
    answer = await api.call("PATCH", "/jobs/backup", content=b'{"tags": ["a"]}', headers=headers)
    assert answer.json()["tags"] == ["a"]


@pytest.mark.parametrize(
    ("patch", "status", "pointer"),
    [
        ({"name": "other"}, 422, "/name"),
        ({"type": None}, 422, "/type"),
        ({"retry": {"maxAttempts": "3"}}, 400, "/retry/maxAttempts"),
        ({"retry": {"maxAttempts": 0}}, 422, "/retry/maxAttempts"),
        ({"colour": "red"}, 400, "/colour"),
        ({"trigger": {"type": "CRON", "expression": "x"}}, 422, "/trigger/expression"),
        ([], 400, ""),
    ],
)
async def test_a_patch_that_makes_no_job_is_refused(api: Api, patch: Any, status: int, pointer: str) -> None:
    job = await api.create_job()
    problem = await api.refusal("PATCH", "/jobs/backup", patch)
    assert (problem["status"], problem["errors"][0]["pointer"]) == (status, pointer)
    assert await api.get("/jobs/backup") == job


async def test_each_change_of_a_definition_is_a_version_that_can_be_read(api: Api) -> None:
    job = await api.create_job(description="one")
    for text in ("two", "two", "three"):
        await api.call("PUT", "/jobs/backup", {"description": text})
    await api.post("/jobs/backup/pause")
    versions = await api.get(f"/jobs/{job['id']}/versions", limit=2)
    assert [v["definition"]["description"] for v in versions["items"]] == ["three", "two"]
    assert [v["version"] for v in versions["items"]] == [3, 2]
    (first,) = (await api.get("/jobs/backup/versions", limit=2, cursor=versions["nextCursor"]))["items"]
    assert (first["definition"]["name"], first["definition"]["retry"]["maxAttempts"]) == ("backup", 3)
    assert first["createdAt"] == job["createdAt"]


async def test_a_job_that_was_not_changed_since_is_not_sent_again(api: Api) -> None:
    await api.create_job()
    tag = await etag(api)
    same = await api.call("GET", "/jobs/backup", headers={"If-None-Match": f'"x", W/{tag}'})
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    await api.post("/jobs/backup/pause")
    other = await api.call("GET", "/jobs/backup", headers={"If-None-Match": tag})
    assert (other.status_code, other.json()["status"]) == (200, "PAUSED")


async def test_a_change_may_be_made_only_to_what_was_seen(api: Api) -> None:
    await api.create_job()
    old = await etag(api)
    answer = await api.call("PUT", "/jobs/backup", {"description": "a"}, headers={"If-Match": old})
    assert (answer.status_code, answer.headers["etag"]) == (200, await etag(api))
    for method, path, body in (
        ("PUT", "/jobs/backup", {"description": "b"}),
        ("PATCH", "/jobs/backup", {"description": "b"}),
        ("DELETE", "/jobs/backup", None),
        *(("POST", f"/jobs/backup/{verb}", None) for verb in VERBS),
    ):
        problem = await api.refusal(method, path, body, headers={"If-Match": old})
        assert (problem["status"], problem["code"]) == (412, "VERSION_MISMATCH")
    refused = await api.call("PUT", "/jobs/backup", {"description": "b"}, headers={"If-Match": old})
    assert refused.headers["etag"] == '"2"'
    for tags in ('"2"', f"{old}, {await etag(api)}", "*"):
        assert (await api.call("POST", "/jobs/backup/activate", headers={"If-Match": tags})).status_code == 200
    assert (await api.refusal("DELETE", "/jobs/backup", headers={"If-Match": "2"}))["status"] == 400


async def test_a_rehearsed_job_is_shown_with_its_fires_and_not_stored(api: Api) -> None:
    body = {"name": "backup", "type": "COMMAND", "parameters": COMMAND, "trigger": NIGHTLY, "active": True}
    answer = await api.call("POST", "/jobs?dryRun=true", body)
    would_be = answer.json()
    assert (answer.status_code, would_be["status"], would_be["version"]) == (200, "ACTIVE", 1)
    assert len(would_be["nextFires"]) == 5
    assert would_be["nextFireAt"] == would_be["nextFires"][0]["plannedAt"]
    assert (await api.get("/jobs"))["items"] == []
    real = await api.post("/jobs", body)
    assert set(would_be) - set(real) == {"fireChanges", "nextFires", "nextMatches"}
    assert {name for name in real if real[name] != would_be[name]} <= {"id", "createdAt", "updatedAt"}
    assert (await api.refusal("POST", "/jobs?dryRun=true", body))["code"] == "JOB_NAME_TAKEN"


async def test_a_rehearsed_change_changes_nothing(api: Api) -> None:
    job = await api.create_job(trigger=NIGHTLY)
    hourly = {"trigger": {"type": "CRON", "expression": "0 * * * *"}}
    for method in ("PUT", "PATCH"):
        would_be = (await api.call(method, "/jobs/backup?dryRun=true", hourly)).json()
        assert (would_be["version"], would_be["trigger"]["expression"]) == (job["version"] + 1, "0 * * * *")
        assert len(would_be["nextFires"]) == 5
    assert (await api.call("POST", "/jobs/backup/pause?dryRun=true")).json()["status"] == "PAUSED"
    assert (await api.call("POST", "/jobs/backup/activate?dryRun=true")).json()["version"] == job["version"]
    assert (await api.call("DELETE", "/jobs/backup?dryRun=true")).json()["status"] == "DELETED"
    assert (await api.refusal("POST", "/jobs/backup/resume?dryRun=true", {"reason": "x" * 1001}))["status"] == 400
    assert await api.get("/jobs/backup") == job


async def test_a_document_is_validated_without_a_job(api: Api) -> None:
    await api.create_job("taken")
    body = {"name": "taken", "type": "COMMAND", "parameters": COMMAND, "trigger": NIGHTLY}
    valid = await api.post("/jobs/validate", body)
    assert (valid["name"], len(valid["nextFires"])) == ("taken", 5)
    problem = await api.refusal("POST", "/jobs/validate", body | {"parameters": {}})
    assert (problem["status"], problem["errors"][0]["pointer"]) == (422, "/parameters/command")
    problem = await api.refusal("POST", "/jobs/validate", body | {"overlap": "MAYBE"})
    assert "it is one of ALLOW, BUFFER_ALL" in problem["detail"]
