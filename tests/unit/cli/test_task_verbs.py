"""Tasks that are asked for, and waited for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from interfaces.cli import task_verbs
from tests.unit.cli.conftest import Run
from tests.unit.cli.fake_scheduler import FakeScheduler, problem


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_verbs, "_SHORTEST_PAUSE", 0.001)


def becoming(fake: FakeScheduler, task_id: str, *answers: Any) -> None:
    """A task that gives these answers one after the other; a number is a refusal, a text a status."""
    left = list(answers)

    def answer(_: Any) -> tuple[int, Any]:
        given = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(given, int):
            return given, problem(given, "Away", "", "AWAY")
        return 200, {"id": task_id, "jobName": "nightly", "status": given, "stopping": False}

    fake.routes[f"GET /tasks/{task_id}"] = answer


def test_a_task_is_asked_for_at_a_time_with_its_own_parameters(run: Run, fake: FakeScheduler) -> None:
    made = {"id": "t-1", "jobName": "nightly", "status": "PENDING", "scheduledTime": "2027-01-31T07:00:00Z"}
    fake.routes["POST /tasks"] = lambda _: (201, made)
    told = run("tasks", "submit", "nightly", "--at", "2027-01-31T08:00:00+01:00", "--parameters", '{"a": 1}')
    assert told.stdout.startswith("task t-1 of nightly is PENDING, to run at 2027-01-31T07:00:00Z\n")
    assert fake.requests[-1].body == {
        "jobId": "nightly",
        "scheduledTime": "2027-01-31T08:00:00+01:00",
        "parameters": {"a": 1},
    }
    assert run("tasks", "submit", "nightly", "-o", "name").stdout == "t-1\n"
    assert fake.requests[-1].body == {"jobId": "nightly"}
    assert json.loads(run("tasks", "submit", "nightly", "-o", "json").stdout) == made


@pytest.mark.parametrize(("text", "hint"), [("tomorrow", "write it like"), ("2027-01-31T08:00", "add its offset")])
def test_a_time_that_could_be_another_is_refused(run: Run, fake: FakeScheduler, text: str, hint: str) -> None:
    refused = run("tasks", "submit", "nightly", "--at", text)
    assert (refused.exit_code, hint in refused.stderr, fake.requests) == (2, True, [])


def test_a_key_asks_for_one_live_task_at_most(run: Run, fake: FakeScheduler) -> None:
    fake.routes["POST /tasks"] = lambda _: (200, {"id": "t-1", "status": "RUNNING"})
    assert run("tasks", "submit", "nightly", "--unique-key", "2026-11", "-o", "name").stdout == "t-1\n"
    assert fake.requests[-1].body == {"jobId": "nightly", "uniqueKey": "2026-11"}


def test_a_task_is_tried_once_more_or_made_anew(run: Run, fake: FakeScheduler) -> None:
    fake.routes["POST /tasks/t-1/retry"] = lambda _: (200, {"id": "t-1", "status": "PENDING", "attempt": 3})
    fake.routes["POST /tasks/t-1/rerun"] = lambda _: (201, {"id": "t-2", "status": "PENDING"})
    again = run("tasks", "retry", "t-0", "t-1", "--reason", "disk was full")
    assert (again.exit_code, again.stdout) == (3, "task t-1 is PENDING, attempt 3 behind it\n")
    assert fake.requests[-1].body == {"reason": "disk was full"}
    run("tasks", "retry", "t-1", "--downstream")
    assert fake.requests[-1].body == {"downstream": True}
    assert run("tasks", "rerun", "t-1").stdout == "task t-1 runs again as task t-2\n"
    assert run("tasks", "rerun", "t-1", "-o", "name").stdout == "t-2\n"


def test_an_outcome_says_why(run: Run, fake: FakeScheduler) -> None:
    ended = {"id": "t", "jobName": "j", "statusReason": "retried by hand", "error": {"code": "X", "message": "no"}}
    fake.routes["GET /tasks/t"] = lambda _: (200, ended | {"status": "FAILED"})
    assert run("tasks", "wait", "t").stdout == "t  j  FAILED  X: no\n"
    fake.routes["GET /tasks/t"] = lambda _: (200, ended | {"status": "CANCELLED", "error": None})
    assert run("tasks", "wait", "t").stdout == "t  j  CANCELLED  retried by hand\n"


def test_waiting_ends_with_the_task_and_its_outcome(run: Run, fake: FakeScheduler) -> None:
    becoming(fake, "t-1", "PENDING", "RUNNING", "COMPLETED")
    becoming(fake, "t-2", "FAILED")
    assert run("tasks", "wait", "t-1").exit_code == 0
    both = run("tasks", "wait", "t-1", "t-2")
    assert (both.exit_code, both.stdout) == (1, "t-1  nightly  COMPLETED\nt-2  nightly  FAILED  -\n")
    assert run("tasks", "wait", "t-2", "-o", "name").stdout == "t-2\n"
    assert json.loads(run("tasks", "wait", "t-2", "-o", "json").stdout)["items"][0]["status"] == "FAILED"


def test_waiting_no_longer_than_asked_for_ends_with_6(run: Run, fake: FakeScheduler) -> None:
    becoming(fake, "t-1", "RUNNING")
    late = run("tasks", "wait", "t-1", "--timeout", "10ms")
    assert (late.exit_code, late.stderr) == (6, "Error: task t-1 has not ended in time: it is RUNNING\n")


def test_waiting_outlives_a_server_that_is_away_for_a_while(
    run: Run, fake: FakeScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    becoming(fake, "t-1", "RUNNING", 503, 502, "COMPLETED")
    assert run("tasks", "wait", "t-1").exit_code == 0
    monkeypatch.setattr(task_verbs, "_PATIENCE", 0.0)
    becoming(fake, "t-1", 503)
    assert run("tasks", "wait", "t-1").exit_code == 1


def test_waiting_for_no_task_ends_at_once(run: Run) -> None:
    assert run("tasks", "wait", "unknown").exit_code == 3
