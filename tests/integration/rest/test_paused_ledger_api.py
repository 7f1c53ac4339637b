"""What a pause held back stands in the ledger."""

from __future__ import annotations

import asyncio

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
