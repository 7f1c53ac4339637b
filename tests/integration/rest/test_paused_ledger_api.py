"""What a pause held back stands in the ledger."""

from __future__ import annotations

import asyncio

import pytest

from tests.integration.rest.api import Api


async def test_what_passed_while_a_job_was_paused_is_one_entry_with_a_count(api: Api) -> None:
    await api.post(
        "/jobs",
        {
            "name": "tick",
            "type": "COMMAND",
            "active": True,
            "parameters": {"command": ["true"]},
            "trigger": {"type": "CRON", "expression": "* * * * * *"},
        },
    )
    await api.post("/jobs/tick/pause", {"reason": "maintenance"})
    await asyncio.sleep(2.1)
    await api.post("/jobs/tick/resume")
    (entry,) = (await api.get("/jobs/tick/occurrences"))["items"]
    assert (entry["decision"], entry["reason"]) == ("SKIPPED_PAUSED", "the job was paused")
    assert entry["count"] >= 2
    assert entry["firstNominalAt"] < entry["lastNominalAt"]
    path, span = "/jobs/tick/occurrences", {"from": entry["lastNominalAt"]}
    shown = (await api.get(path, decision="SKIPPED_PAUSED,MISSED"))["items"]
    assert [each["decision"] for each in shown] == ["SKIPPED_PAUSED"]
    assert (await api.get(path, decision="MISSED", **span))["items"] == []
    assert [each["decision"] for each in (await api.get(path, **span))["items"]][-1] == "SKIPPED_PAUSED"


@pytest.mark.parametrize("query", ["decision=GONE", "from=yesterday", "to=never"])
async def test_a_filter_of_the_ledger_that_means_nothing_is_refused(api: Api, query: str) -> None:
    await api.post("/jobs", {"name": "idle", "type": "COMMAND", "parameters": {"command": ["true"]}})
    name, _, value = query.partition("=")
    problem = await api.refusal("GET", "/jobs/idle/occurrences", params={name: value})
    assert problem["status"] == 400
    assert value in problem["errors"][0]["detail"]
