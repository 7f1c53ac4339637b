"""The platform is killed in the middle of a series of fires and started again on the same data."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.programs import client, eventually, platform

EVERY_SECOND = {
    "name": "tick",
    "type": "COMMAND",
    "active": True,
    "parameters": {"command": ["true"]},
    "trigger": {"type": "CRON", "expression": "* * * * * *"},
    "misfire": {"policy": "FIRE_ONCE"},
    "overlap": "ALLOW",
}


@pytest.mark.slow
def test_the_ledger_has_no_hole_and_no_double(tmp_path: Path) -> None:
    with platform(tmp_path) as (program, address), client(address) as api:
        api.apply([EVERY_SECOND])
        eventually(lambda: len(ledger(address)) >= 4, "four fires")
        program.kill()
    with platform(tmp_path) as (_, address), client(address) as api:
        before = len(ledger(address))
        eventually(lambda: len(ledger(address)) >= before + 4, "four more fires")
        entries = ledger(address)
        fired = [at(e["nominalAt"]) for e in entries if e["decision"] == "FIRED"]
        assert len(fired) == len(set(fired)), "a fire doubled"
        covered = sorted(moment for entry in entries for moment in moments(entry))
        assert covered == [covered[0] + timedelta(seconds=n) for n in range(len(covered))], "a hole in the ledger"
        tasks = {task["id"]: task for task in api.tasks()}
        assert {e["taskId"] for e in entries if e["decision"] == "FIRED"} <= set(tasks)
        old = [e["taskId"] for e in entries if e["decision"] == "FIRED"][-before:]
        eventually(
            lambda: all(api.task(task)["status"] == "COMPLETED" for task in old), "what had fired before was run"
        )


ONE_AT_A_TIME = {
    "name": "tick",
    "type": "COMMAND",
    "active": True,
    "parameters": {"command": ["sleep", "0.2"]},
    "trigger": {"type": "MANUAL"},
    "overlap": "BUFFER_ALL",
}


@pytest.mark.slow
def test_what_waits_for_its_turn_has_it_after_the_platform_was_killed(tmp_path: Path) -> None:
    with platform(tmp_path) as (program, address), client(address) as api:
        api.apply([ONE_AT_A_TIME])
        runs = [httpx.post(f"{address}/api/v1/jobs/tick/trigger").raise_for_status().json()["id"] for _ in range(6)]
        eventually(lambda: api.task(runs[1])["status"] == "COMPLETED", "two have run")
        program.kill()
    with platform(tmp_path) as (_, address), client(address) as api:
        eventually(lambda: all(api.task(run)["status"] == "COMPLETED" for run in runs), "all have run")
        assert [entry["taskId"] for entry in ledger(address)] == runs[::-1]
        assert {entry["decision"] for entry in ledger(address)} == {"FIRED"}
        assert len(list(api.tasks())) == len(runs)
        spans = [(at(task["startedAt"] or ""), at(task["endedAt"] or "")) for task in map(api.task, runs)]
        assert all(end <= start for (_, end), (start, _) in pairwise(spans)), "two ran at the same time"


def ledger(address: str) -> list[dict[str, Any]]:
    """All entries, newest first."""
    entries: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = httpx.get(f"{address}/api/v1/jobs/tick/occurrences?limit=200{cursor}").raise_for_status().json()
        entries += page["items"]
        if not page["nextCursor"]:
            return entries
        cursor = f"&cursor={page['nextCursor']}"


def moments(entry: dict[str, Any]) -> list[datetime]:
    """The nominal times that an entry stands for."""
    first = at(entry["firstNominalAt"])
    return [first + timedelta(seconds=n) for n in range(entry["count"])]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)
