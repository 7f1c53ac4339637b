"""Changes of jobs that are announced for an instant to come, over REST."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from bootstrap.container import Container
from infrastructure.sql.scheduling.tables import jobs, schedules
from tests.integration.rest.api import COMMAND, Api

YEARLY = {"type": "CRON", "expression": "0 0 1 1 *"}


def soon(**more: int) -> str:
    return (datetime.now(UTC) + timedelta(**more)).isoformat()


async def announce(api: Api, body: dict[str, Any], at: str, **query: Any) -> Any:
    answer = await api.call("PATCH", "/jobs/backup", body, params={"effectiveFrom": at, **query})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_change_is_announced_shown_and_withdrawn(api: Api) -> None:
    job = await api.create_job(trigger={"type": "CRON", "expression": "0 * * * *"})
    at = soon(days=30)
    told = await announce(api, {"description": "other", "trigger": {"type": "CRON", "expression": "0 0 1 6 *"}}, at)
    assert (told["description"], told["nextFireAt"]) == (job["description"], job["nextFireAt"])
    change = told["comingChange"]
    assert (change["definition"]["description"], change["definition"]["trigger"]["expression"]) == (
        "other",
        "0 0 1 6 *",
    )
    assert datetime.fromisoformat(change["effectiveFrom"]) == datetime.fromisoformat(at)
    assert (await api.get("/jobs"))["items"][0]["comingChange"] == change
    problem = await api.refusal("PATCH", "/jobs/backup", {"description": "now"})
    assert (problem["status"], problem["code"]) == (409, "CHANGE_COMING")
    answer = await api.call("DELETE", "/jobs/backup/coming-change", headers={"If-Match": f'"{job["version"]}"'})
    assert answer.status_code == 412
    left = (await api.call("DELETE", "/jobs/backup/coming-change")).json()
    assert (left["comingChange"], left["nextFireAt"]) == (None, job["nextFireAt"])
    assert (await api.call("DELETE", "/jobs/backup/coming-change")).status_code == 200
    assert (await api.call("PATCH", "/jobs/backup", {"description": "now"})).json()["description"] == "now"


async def test_the_next_fires_and_the_plan_go_over_from_one_version_to_the_other(api: Api) -> None:
    await api.create_job(trigger={"type": "FIXED_RATE", "every": "PT1H", "anchor": "2021-01-01T00:00:00Z"})
    at = (datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=3)).isoformat()
    every = {"type": "FIXED_RATE", "every": "PT30M", "anchor": "2021-01-01T00:10:00Z"}
    await announce(api, {"trigger": every}, at)
    fires = [f["nominalAt"] for f in (await api.get("/jobs/backup/next", count=5))["fires"]]
    assert [fire[13:] for fire in fires] == [":00:00Z", ":00:00Z", ":10:00Z", ":40:00Z", ":10:00Z"]
    items = (await api.get("/upcoming", collapse=100))["items"]
    assert [item["nominalAt"] for item in items][:5] == fires
    assert len(items) in (2 + 2 * 21, 2 + 2 * 21 + 1, 2 + 2 * 21 + 2)


async def test_a_dry_run_shows_what_becomes_of_the_fires_and_announces_nothing(api: Api) -> None:
    await api.create_job(trigger={"type": "CRON", "expression": "0 0 * * *"})
    told = await announce(api, {"trigger": {"type": "CRON", "expression": "0 12 * * *"}}, soon(days=3), dryRun=True)
    assert told["comingChange"] is not None
    changes = told["fireChanges"]
    assert (changes["addedCount"], changes["removedCount"]) in {(4, 4), (5, 4), (4, 5), (3, 4), (4, 3)}
    assert changes["unchangedCount"] == 3
    assert (await api.get("/jobs/backup"))["comingChange"] is None


@pytest.mark.parametrize("at", ["2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z", "tomorrow"])
async def test_an_instant_that_cannot_be_is_refused(api: Api, at: str) -> None:
    await api.create_job(trigger=YEARLY)
    answer = await api.call("PUT", "/jobs/backup", {"description": "x"}, params={"effectiveFrom": at})
    assert answer.status_code in (400, 422)
    assert "effectiveFrom" in answer.json()["detail"]


async def test_when_its_time_has_come_the_planner_makes_the_change(api: Api, container: Container) -> None:
    await api.create_job(trigger={"type": "FIXED_RATE", "every": "PT1H"}, overlap="ALLOW")
    await container.planner().tick()
    changes = {"parameters": COMMAND | {"cwd": "/new"}, "trigger": {"type": "FIXED_RATE", "every": "PT2H"}}
    await announce(api, changes, soon(days=1))
    past = datetime.now(UTC) - timedelta(minutes=5)
    standstill = {"changes_at": past, "due_at": past, "last_nominal": past - timedelta(hours=1), "upcoming": "[]"}
    async with container.store().engine.begin() as connection:  # as if a day had passed without a planner
        await connection.execute(sa.update(jobs).values(coming_at=past))
        await connection.execute(sa.update(schedules).values(exhausted=True, **standstill))
    await container.planner().tick()
    after = await api.get("/jobs/backup")
    assert (after["comingChange"], after["parameters"]["cwd"]) == (None, "/new")
    ledger = (await api.get("/jobs/backup/occurrences"))["items"]
    (entry,) = [each for each in ledger if each["jobVersion"] == 2]
    assert (entry["decision"], datetime.fromisoformat(entry["nominalAt"])) == ("FIRED", past)
    assert (await api.get(f"/tasks/{entry['taskId']}"))["parameters"]["cwd"] == "/new"
