"""Executors, looked at and acted on."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.cli.conftest import Run
from tests.unit.cli.fake_scheduler import FakeScheduler

SHOWN: dict[str, Any] = {
    "id": "w1",
    "status": "ONLINE",
    "statusReason": None,
    "epoch": 2,
    "host": "h",
    "version": "0.1.0",
    "pool": "default",
    "labels": {"os": "linux"},
    "types": ["COMMAND", "HTTP"],
    "handlers": [],
    "maxConcurrentTasks": 16,
    "runningTasks": 3,
    "registeredAt": "2026-11-22T10:00:00Z",
    "lastHeartbeatAt": "2026-11-22T11:00:00Z",
}


@pytest.fixture(autouse=True)
def known(fake: FakeScheduler) -> None:
    fake.routes["GET /cluster/executors"] = lambda _: (200, {"items": [SHOWN], "nextCursor": None})
    fake.routes["GET /cluster/executors/w1"] = lambda _: (200, SHOWN)
    for verb, state in (("drain", "DRAINING"), ("activate", "ONLINE"), ("deactivate", "OFFLINE")):
        fake.routes[f"POST /cluster/executors/w1/{verb}"] = lambda _, now=state: (200, SHOWN | {"status": now})  # type: ignore[misc]


def test_executors_are_listed_with_what_they_run(run: Run, fake: FakeScheduler) -> None:
    shown = run("executors", "list", "--status", "ONLINE")
    assert "w1        ONLINE  default  3/16  COMMAND, HTTP  h     2026-11-22T11:00:00Z" in shown.stdout
    assert fake.requests[-1].query["status"] == "ONLINE"
    assert run("executors", "list", "-o", "name").stdout == "w1\n"


def test_an_executor_that_finishes_nothing_is_shown_with_what_it_runs(run: Run, fake: FakeScheduler) -> None:
    overlong = {"id": "0198", "jobName": "backup", "startedAt": "2026-11-22T09:00:00Z", "usualSeconds": 5.0}
    stalled = SHOWN | {"stalled": True, "stalledSince": "2026-11-22T09:01:00Z", "overlongTasks": [overlong]}
    assert "stalled         no" in run("executors", "get", "w1").stdout
    fake.routes["GET /cluster/executors"] = lambda _: (200, {"items": [stalled], "nextCursor": None})
    fake.routes["GET /cluster/executors/w1"] = lambda _: (200, stalled)
    assert "ONLINE (stalled)" in run("executors", "list").stdout
    assert "stalled         since 2026-11-22T09:01:00Z: backup 0198" in run("executors", "get", "w1").stdout


def test_an_executor_is_shown_with_its_session_in_the_zone_asked_for(run: Run) -> None:
    shown = run("executors", "get", "w1", "--tz", "Europe/Berlin").stdout
    assert "labels          os=linux" in shown
    assert "last heartbeat  2026-11-22T12:00:00+01:00" in shown
    assert json.loads(run("executors", "get", "w1", "-o", "json").stdout) == SHOWN


def test_executors_are_drained_deactivated_and_activated(run: Run, fake: FakeScheduler) -> None:
    assert run("executors", "drain", "w1", "--reason", "kernel").stdout == "w1 is DRAINING, runs 3/16\n"
    assert fake.requests[-1].body == {"reason": "kernel"}
    assert run("executors", "activate", "w1").stdout == "w1 is ONLINE, runs 3/16\n"
    assert run("executors", "deactivate", "w1").exit_code == 2
    assert run("executors", "deactivate", "w1", "--reason", "broken").stdout == "w1 is OFFLINE, runs 3/16\n"


def test_the_cluster_is_counted(run: Run, fake: FakeScheduler) -> None:
    counts = {"executors": {"ONLINE": 2, "OFFLINE": 1}, "totalSlots": 32, "usedSlots": 3, "tasks": {}}
    fake.routes["GET /cluster/status"] = lambda _: (200, counts)
    told = run("cluster", "status")
    assert told.stdout.splitlines() == [
        "executors   2 ONLINE, 1 OFFLINE",
        "slots       3 of 32 used",
        "live tasks  none",
    ]
    assert run("cluster", "status", "-o", "name").stdout == told.stdout
    assert json.loads(run("cluster", "status", "-o", "json").stdout) == counts


def test_an_executor_that_is_not_known_does_not_stop_the_others(run: Run) -> None:
    told = run("executors", "drain", "w0", "w1", "-o", "name")
    assert (told.exit_code, told.stdout) == (3, "w1\n")
