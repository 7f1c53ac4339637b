"""Single fires are left out, shown so, and let run after all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bootstrap.container import Container
from tests.integration.rest.api import Api

YEARLY = {"type": "CRON", "expression": "0 0 1 1 *"}


async def next_fires(api: Api) -> list[dict[str, Any]]:
    fires: list[dict[str, Any]] = (await api.get("/jobs/backup/next", count=2))["fires"]
    return fires


async def test_a_fire_is_skipped_with_a_reason_and_runs_after_all(api: Api) -> None:
    await api.create_job(trigger=YEARLY)
    first, _ = await next_fires(api)
    assert first["skipped"] is None
    nominal = {"nominalAt": first["nominalAt"]}
    skipped = await api.post("/jobs/backup/skip", {**nominal, "reason": "release"})
    assert skipped == {**first, "skipped": {"reason": "release", "by": "local"}}
    assert (await next_fires(api))[0] == skipped
    assert await api.post("/jobs/backup/unskip", nominal) == first
    assert (await api.post("/jobs/backup/skip?reason=freeze", nominal))["skipped"]["reason"] == "freeze"


async def test_when_its_time_comes_the_ledger_says_why_it_did_not_run(api: Api, container: Container) -> None:
    at = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    await api.create_job(trigger={"type": "FIXED_RATE", "every": "P1D", "anchor": at})
    (fire, _) = await next_fires(api)
    await api.post("/jobs/backup/skip", {"nominalAt": fire["nominalAt"], "reason": "release"})
    entries: list[dict[str, Any]] = []
    while not entries:
        await container.planner().tick()
        entries = (await api.get("/jobs/backup/occurrences"))["items"]
    assert (entries[0]["decision"], entries[0]["reason"]) == ("SKIPPED_BY_USER", "local: release")
    assert entries[0]["nominalAt"] == fire["nominalAt"]
    assert (await api.get("/tasks"))["items"] == []


@pytest.mark.parametrize(
    ("body", "status", "pointer", "code"),
    [
        ({"nominalAt": "2199-01-01T00:00:01Z", "reason": "x"}, 422, "/nominalAt", "FIRE_NOT_PLANNED"),
        ({"nominalAt": "2020-01-01T00:00:00Z", "reason": "x"}, 422, "/nominalAt", "FIRE_NOT_PLANNED"),
        ({"nominalAt": "2199-01-01T00:00:00", "reason": "x"}, 400, "/nominalAt", "MALFORMED"),
        ({"nominalAt": "9999-12-31T23:59:59Z", "reason": "x"}, 422, "/nominalAt", "OUT_OF_RANGE"),
        ({"nominalAt": "tomorrow", "reason": "x"}, 400, "/nominalAt", "MALFORMED"),
        ({"reason": "x"}, 400, "", "MALFORMED"),
        ({"nominalAt": "2199-01-01T00:00:00Z", "reason": "x" * 1001}, 400, "/reason", "MALFORMED"),
        ({"nominalAt": "2199-01-01T00:00:00Z", "reason": "a\0b"}, 400, "/reason", "MALFORMED"),
        ({"nominalAt": "2199-01-01T00:00:00Z", "why": "x"}, 400, "/why", "MALFORMED"),
    ],
)
async def test_what_names_no_fire_to_come_is_refused(
    api: Api, body: dict[str, Any], status: int, pointer: str, code: str
) -> None:
    await api.create_job(trigger=YEARLY)
    problem = await api.refusal("POST", "/jobs/backup/skip", body)
    assert problem["status"] == status
    assert [(error["pointer"], error["code"]) for error in problem["errors"]] == [(pointer, code)]


async def test_a_reason_is_asked_for_and_a_job_that_rests_has_nothing_to_skip(api: Api) -> None:
    await api.create_job(trigger=YEARLY)
    nominal = {"nominalAt": "2199-01-01T00:00:00Z"}
    problem = await api.refusal("POST", "/jobs/backup/skip", nominal)
    assert (problem["status"], problem["errors"][0]["parameter"]) == (400, "reason")
    await api.post("/jobs/backup/disable", {"reason": "old"})
    for verb, body in (("skip", {**nominal, "reason": "x"}), ("unskip", nominal)):
        problem = await api.refusal("POST", f"/jobs/backup/{verb}", body)
        assert (problem["code"], problem["currentStatus"]) == ("ILLEGAL_STATE", "DISABLED")
    assert (await api.refusal("POST", "/jobs/nobody/unskip", nominal))["code"] == "JOB_NOT_FOUND"
