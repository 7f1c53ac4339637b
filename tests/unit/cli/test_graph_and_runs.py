"""What depends on what, and runs, from the command line."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.cli.conftest import Run
from tests.unit.cli.fake_scheduler import FakeScheduler

LATEST = {"type": "LATEST", "maxAge": "P1D", "window": None}
GRAPH: dict[str, Any] = {
    "jobs": [{"jobId": "1", "name": "load"}, {"jobId": "2", "name": "extract"}],
    "edges": [{"upstreamId": "2", "jobId": "1", "type": "CONDITIONAL", "condition": "result.n > 1", "match": LATEST}],
    "levels": [["2"], ["1"]],
}
RUN: dict[str, Any] = {
    "runId": "r-1", "jobId": "2", "jobName": "extract", "state": "FAILED", "cancelled": None,
    "startedAt": "2026-11-22T10:00:00Z", "endedAt": "2026-11-22T10:00:09Z", "criticalPath": ["r-1"],
    "tasks": [
        {
            "taskId": "r-1", "jobId": "2", "jobName": "extract", "status": "FAILED", "statusReason": None,
            "startedAt": "2026-11-22T10:00:00Z", "endedAt": "2026-11-22T10:00:09Z",
        },
        {
            "taskId": "t-2", "jobId": "1", "jobName": "load", "status": "SKIPPED", "statusReason": "extract failed",
            "startedAt": None, "endedAt": "2026-11-22T10:00:09Z",
        },
    ],
}  # fmt: skip


def rows(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines() if line]


def test_the_graph_says_who_waits_for_whom_and_what_each_edge_asks(run: Run, fake: FakeScheduler) -> None:
    fake.routes["GET /graph"] = lambda _: (200, GRAPH)
    shown = rows(run("jobs", "graph").stdout)
    assert shown[1] == ["load", "extract", "CONDITIONAL", "LATEST", "P1D", "result.n", ">", "1"]
    assert fake.requests[-1].query == {}
    assert run("jobs", "graph", "load", "-o", "name").stdout == "extract\nload\n"
    assert fake.requests[-1].query == {"job": "load"}
    assert json.loads(run("jobs", "graph", "-o", "json").stdout) == GRAPH
    fake.routes["GET /graph"] = lambda _: (200, {"jobs": [], "edges": [], "levels": []})
    assert run("jobs", "graph").stderr == "none found\n"


def test_what_a_job_depends_on_tells_how_many_edges_are_enough(run: Run, fake: FakeScheduler) -> None:
    items = [{"jobId": str(n), "name": n, "type": "SUCCESS", "condition": None, "match": None} for n in ("a", "b")]
    fake.routes["GET /jobs/load/dependencies"] = lambda _: (200, {"items": items, "join": "ANY", "required": 1})
    shown = run("jobs", "dependencies", "load").stdout
    assert rows(shown)[1:] == [
        ["a", "SUCCESS", "-", "-"],
        ["b", "SUCCESS", "-", "-"],
        ["1", "of", "these", "2", "are", "enough"],
    ]
    assert run("jobs", "dependencies", "load", "-o", "name").stdout == "a\nb\n"
    assert json.loads(run("jobs", "dependencies", "load", "-o", "json").stdout)["join"] == "ANY"
    fake.routes["GET /jobs/load/dependencies"] = lambda _: (200, {"items": items, "join": "ALL", "required": 2})
    assert "enough" not in run("jobs", "dependencies", "load").stdout


@pytest.mark.parametrize("direction", ["dependents", "ancestors"])
def test_relatives_stand_with_their_distance(run: Run, fake: FakeScheduler, direction: str) -> None:
    items = [{"jobId": "1", "name": "near", "distance": 1}, {"jobId": "2", "name": "far", "distance": 2}]
    fake.routes[f"GET /jobs/x/{direction}"] = lambda _: (200, {"items": items})
    assert rows(run("jobs", direction, "x").stdout) == [["JOB", "DISTANCE"], ["near", "1"], ["far", "2"]]


def test_a_plan_is_shown_level_by_level(run: Run, fake: FakeScheduler) -> None:
    levels = [[{"jobId": "1", "name": "a"}], [{"jobId": "2", "name": "b"}, {"jobId": "3", "name": "c"}]]
    fake.routes["GET /jobs/a/plan"] = lambda _: (200, {"jobs": 3, "levels": levels})
    assert rows(run("jobs", "plan", "a").stdout) == [["LEVEL", "JOB"], ["1", "a"], ["2", "b"], ["2", "c"]]
    assert run("jobs", "plan", "a", "-o", "name").stdout == "a\nb\nc\n"
    assert json.loads(run("jobs", "plan", "a", "-o", "json").stdout)["levels"] == levels


def test_runs_are_listed_with_their_tasks_counted(run: Run, fake: FakeScheduler) -> None:
    summary = {
        "runId": "r-1", "jobName": "extract", "state": "RUNNING", "createdAt": "2026-11-22T10:00:00Z",
        "tasks": {"COMPLETED": 3, "RUNNING": 1},
    }  # fmt: skip
    fake.routes["GET /runs"] = lambda _: (200, {"items": [summary], "nextCursor": None})
    line = rows(run("runs", "list", "--job", "extract").stdout)[1]
    assert line == ["r-1", "extract", "RUNNING", "2026-11-22T10:00:00Z", "3", "COMPLETED,", "1", "RUNNING"]
    assert fake.requests[-1].query["job"] == "extract"
    assert run("runs", "list", "-o", "name").stdout == "r-1\n"


def test_a_run_shows_its_tasks_and_marks_what_its_end_waited_for(run: Run, fake: FakeScheduler) -> None:
    fake.routes["GET /runs/r-1"] = lambda _: (200, RUN)
    shown = rows(run("runs", "get", "r-1").stdout)
    assert ["state", "FAILED"] in shown
    assert ["took", "9.000s"] in shown
    assert ["*", "r-1", "extract", "FAILED", "2026-11-22T10:00:00Z", "9.000s", "-"] in shown
    assert ["t-2", "load", "SKIPPED", "-", "-", "extract", "failed"] in shown
    assert json.loads(run("runs", "get", "r-1", "-o", "json").stdout) == RUN
    assert run("runs", "get", "r-1", "-o", "name").stdout == "r-1\n"


def test_a_run_is_cancelled_with_a_reason(run: Run, fake: FakeScheduler) -> None:
    fake.routes["POST /runs/r-1/cancel"] = lambda _: (200, RUN | {"state": "CANCELLED"})
    assert run("runs", "cancel", "r-1", "--reason", "wrong input").stdout == "run r-1 is CANCELLED\n"
    assert fake.requests[-1].body == {"reason": "wrong input"}
    assert run("runs", "cancel", "r-1", "-o", "name").stdout == "r-1\n"
    assert fake.requests[-1].body == {}
    assert json.loads(run("runs", "cancel", "r-1", "-o", "json").stdout)["state"] == "CANCELLED"
