"""The commands about the platform's own upkeep."""

from __future__ import annotations

import json
from typing import Any

from scheduler_sdk.async_client import AsyncClient
from tests.unit.cli.conftest import Run
from tests.unit.cli.fake_scheduler import FakeScheduler

RAN: dict[str, Any] = {
    "id": "e-1",
    "operation": "old-events",
    "status": "SUCCESS",
    "triggeredBy": "SCHEDULER",
    "executedAt": "2027-03-28T00:59:58Z",
    "executionTimeMs": 12,
    "processedCount": 340,
    "serverInstance": "node-1",
    "errorMessage": None,
}
EVENTS: dict[str, Any] = {
    "name": "old-events",
    "description": "Drop events that are old.",
    "status": "ACTIVE",
    "every": "PT10M",
    "shippedEvery": "PT10M",
    "nextRunAt": "2027-03-28T01:10:00Z",
    "failures": 0,
    "lastExecution": RAN,
}
NEVER = {**EVENTS, "name": "sweep", "status": "PAUSED", "nextRunAt": None, "lastExecution": None}


def test_operations_are_listed_with_their_last_execution(run: Run, fake: FakeScheduler) -> None:
    fake.routes["GET /operations"] = lambda _: (200, {"items": [EVENTS, NEVER], "nextCursor": None})
    heading, first, second = run("operations", "list").stdout.splitlines()
    assert heading.split() == ["OPERATION", "STATUS", "EVERY", "NEXT", "LAST", "ENDED", "DONE"]
    assert first.split() == [
        "old-events", "ACTIVE", "PT10M", "2027-03-28T01:10:00Z", "2027-03-28T00:59:58Z", "SUCCESS", "340"
    ]  # fmt: skip
    assert second.split() == ["sweep", "PAUSED", "PT10M", "-", "-", "-", "-"]
    assert run("operations", "list", "-o", "name").stdout == "old-events\nsweep\n"


def test_one_is_shown_with_what_became_of_it(run: Run, fake: FakeScheduler) -> None:
    failed = {**RAN, "status": "ERROR", "errorMessage": "The disk is full."}
    fake.routes["GET /operations/old-events"] = lambda _: (200, {**EVENTS, "lastExecution": failed})
    shown = run("operations", "get", "old-events").stdout
    assert "The disk is full." in shown
    assert "340" in shown


def test_executions_of_one_operation_or_of_all_are_listed(run: Run, fake: FakeScheduler) -> None:
    page = {"items": [RAN], "nextCursor": None}
    fake.routes["GET /operations/old-events/executions"] = lambda _: (200, page)
    fake.routes["GET /operations/executions"] = lambda _: (200, page)
    assert "node-1" in run("operations", "executions", "old-events", "--status", "SUCCESS").stdout
    assert fake.requests[-1].query["status"] == "SUCCESS"
    assert run("operations", "executions", "-o", "name").stdout == "e-1\n"


def test_running_one_waits_for_its_end(run: Run, fake: FakeScheduler) -> None:
    looks = iter(["RUNNING", "SUCCESS"])
    fake.routes["POST /operations/old-events/run"] = lambda _: (202, {**RAN, "status": "PENDING"})
    fake.routes["GET /operations/executions/e-1"] = lambda _: (200, {**RAN, "status": next(looks)})
    done = run("operations", "run", "old-events", "-o", "json")
    assert (done.exit_code, json.loads(done.stdout)["status"]) == (0, "SUCCESS")
    assert next(looks, None) is None
    asked = run("operations", "run", "old-events", "--no-wait", "-o", "json")
    assert (asked.exit_code, json.loads(asked.stdout)["status"]) == (0, "PENDING")


def test_running_one_that_fails_or_takes_too_long_is_told_by_the_exit_code(run: Run, fake: FakeScheduler) -> None:
    fake.routes["POST /operations/old-events/run"] = lambda _: (202, {**RAN, "status": "PENDING"})
    fake.routes["GET /operations/executions/e-1"] = lambda _: (200, {**RAN, "status": "ERROR"})
    assert run("operations", "run", "old-events").exit_code == 1
    assert run("operations", "run", "old-events", "--timeout", "0s").exit_code == 6


def test_one_is_paused_resumed_and_done_at_another_interval(run: Run, fake: FakeScheduler) -> None:
    fake.routes["POST /operations/sweep/pause"] = lambda _: (200, NEVER)
    fake.routes["POST /operations/sweep/resume"] = lambda _: (200, {**EVENTS, "name": "sweep"})
    fake.routes["PATCH /operations/sweep"] = lambda _: (200, {**NEVER, "every": "PT5M"})
    assert run("operations", "pause", "sweep", "--reason", "wet").stdout == "sweep is PAUSED, every PT10M\n"
    assert fake.requests[-1].body == {"reason": "wet"}
    resumed = run("operations", "resume", "sweep").stdout
    assert resumed == "sweep is ACTIVE, every PT10M, next at 2027-03-28T01:10:00Z\n"
    assert run("operations", "every", "sweep", "5m").stdout == "sweep is PAUSED, every PT5M\n"
    assert fake.requests[-1].body == {"every": "5m"}
    run("operations", "every", "sweep", "default")
    assert fake.requests[-1].body == {"every": None}


async def test_code_that_awaits_steers_them_alike(fake: FakeScheduler, server: str) -> None:
    fake.routes["GET /operations"] = lambda _: (200, {"items": [EVENTS], "nextCursor": None})
    fake.routes["GET /operations/old-events"] = lambda _: (200, EVENTS)
    fake.routes["GET /operations/executions"] = lambda _: (200, {"items": [RAN], "nextCursor": None})
    async with AsyncClient(server) as client:
        assert await client.operations() == [EVENTS]
        assert await client.get_operation("old-events") == EVENTS
        assert [each["id"] async for each in client.executions()] == ["e-1"]
