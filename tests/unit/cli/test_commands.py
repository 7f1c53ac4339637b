"""The commands that look at jobs and tasks and act on them, and how each failure ends."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from domain.scheduling.policies import OverlapPolicy
from tests.unit.cli.conftest import Run
from tests.unit.cli.fake_scheduler import FakeScheduler, problem


@pytest.fixture(autouse=True)
def known(fake: FakeScheduler) -> None:
    fake.jobs["nightly"] = {
        "id": "j-1",
        "name": "nightly",
        "type": "COMMAND",
        "status": "ACTIVE",
        "tags": ["team:x"],
        "trigger": {"type": "CRON", "expression": "0 2 * * *", "timeZone": "Europe/Berlin"},
        "parameters": {"command": ["true"]},
        "nextFireAt": "2027-07-01T00:00:00Z",
        "lastFireAt": None,
        "placement": {"requires": {"user": "root"}},
    }
    fake.tasks["t-1"] = {
        "id": "t-1",
        "jobId": "j-1",
        "jobName": "nightly",
        "status": "FAILED",
        "attempt": 2,
        "maxAttempts": 3,
        "scheduledTime": "2026-11-22T01:00:00Z",
        "startedAt": "2026-11-22T01:00:00.250Z",
        "endedAt": "2026-11-22T01:00:01.500Z",
        "executorId": "local",
        "error": {"code": "EXIT_CODE", "message": "exit code 3"},
    }


def test_jobs_are_listed_with_their_next_fires_in_utc(run: Run) -> None:
    result = run("jobs", "list")
    assert result.exit_code == 0
    assert result.stdout.split("\n")[0].split() == ["NAME", "STATUS", "TRIGGER", "NEXT", "FIRE", "LAST", "FIRE"]
    assert "nightly  ACTIVE  0 2 * * *  Europe/Berlin  2027-07-01T00:00:00Z" in result.stdout


def test_times_are_shown_in_the_zone_asked_for_with_their_offset(run: Run) -> None:
    assert "2027-07-01T02:00:00+02:00" in run("jobs", "list", "--tz", "Europe/Berlin").stdout
    assert "2027-07-01T02:00:00+02:00" in run("--tz", "Europe/Berlin", "jobs", "get", "nightly").stdout
    wrong = run("jobs", "list", "--tz", "Mars")
    assert wrong.exit_code == 2
    assert "'Mars' is not a time zone" in wrong.stderr


def test_the_output_is_the_api_s_own_json_or_yaml_or_names(run: Run, fake: FakeScheduler) -> None:
    job = fake.jobs["nightly"]
    assert json.loads(run("jobs", "list", "-o", "json").stdout) == {"items": [job]}
    assert json.loads(run("-o", "json", "jobs", "get", "nightly").stdout) == job
    assert yaml.safe_load(run("jobs", "get", "nightly", "-o", "yaml").stdout) == job
    assert run("jobs", "list", "-o", "name").stdout == "nightly\n"
    assert run("-o", "json", "tasks", "list", "-o", "name").stdout == "t-1\n"


def test_a_long_list_is_cut_and_says_so(run: Run, fake: FakeScheduler) -> None:
    fake.jobs |= {f"job-{n}": {"name": f"job-{n}", "tags": []} for n in range(300)}
    short = run("jobs", "list", "--limit", "3", "-o", "name")
    assert short.stdout.split() == ["nightly", "job-0", "job-1"]
    assert "there are more than these 3: --all shows them" in short.stderr
    assert len(run("jobs", "list", "--all", "-o", "name").stdout.split()) == 301


def test_an_empty_list_is_said_to_be_empty(run: Run) -> None:
    result = run("jobs", "list", "--tag", "none")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "none found\n")


def test_the_next_fires_are_shown_for_each_job(run: Run) -> None:
    result = run("jobs", "next", "nightly", "--count", "2", "--tz", "Europe/Berlin")
    assert result.stdout.count("2027-03-28T03:00:07+02:00  2027-03-28T03:00:00+02:00") == 2


def test_the_next_fire_is_skipped_unless_another_is_named(run: Run, fake: FakeScheduler) -> None:
    fire = {"nominalAt": "2027-03-28T01:00:00Z", "plannedAt": "2027-03-28T01:00:07Z", "skipped": None}
    skipped = fire | {"nominalAt": "2027-03-27T01:00:00Z", "skipped": {"reason": "freeze", "by": "ann"}}
    fake.routes |= {
        "GET /jobs/nightly/next": lambda _: (200, {"fires": [skipped, fire], "clockChanges": []}),
        "POST /jobs/nightly/skip": lambda _: (200, fire),
        "POST /jobs/nightly/unskip": lambda _: (200, skipped),
    }
    assert "ann: freeze" in run("jobs", "next", "nightly").stdout
    told = run("jobs", "skip", "nightly", "--reason", "release", "--tz", "Europe/Berlin").stdout
    assert told == "nightly will not fire at 2027-03-28T03:00:00+02:00\n"
    assert fake.requests[-1].body == {"nominalAt": "2027-03-28T01:00:00+00:00", "reason": "release"}
    assert run("jobs", "unskip", "nightly").stdout == "nightly will fire at 2027-03-27T01:00:00Z\n"
    assert fake.requests[-1].body == {"nominalAt": "2027-03-27T01:00:00+00:00"}
    run("jobs", "skip", "nightly", "--at", "2027-04-01T03:00:00+02:00", "--reason", "x", "-o", "json")
    assert fake.requests[-1].body == {"nominalAt": "2027-04-01T03:00:00+02:00", "reason": "x"}
    fake.routes["GET /jobs/nightly/next"] = lambda _: (200, {"fires": [fire], "clockChanges": []})
    none = run("jobs", "unskip", "nightly")
    assert (none.exit_code, none.stderr) == (
        3,
        "Error: nightly has no fire that is left out among its next 100: name one with --at\n",
    )
    assert run("jobs", "skip", "nightly").exit_code == 2


def test_verbs_tell_the_new_state_and_carry_the_reason(run: Run, fake: FakeScheduler) -> None:
    assert run("jobs", "pause", "nightly", "--reason", "migration").stdout.startswith("nightly is PAUSED")
    assert fake.jobs["nightly"]["statusReason"] == "migration"
    assert run("jobs", "resume", "nightly").stdout.startswith("nightly is ACTIVE, fires next at 2027-07-01T00:00:00Z")
    assert run("jobs", "disable", "nightly").exit_code == 2
    assert run("jobs", "disable", "nightly", "--reason", "old").stdout.startswith("nightly is DISABLED")
    assert run("jobs", "activate", "nightly").exit_code == 0
    assert run("jobs", "delete", "nightly").stdout == "nightly is deleted\n"
    assert fake.jobs == {}


def test_a_run_now_names_the_task_and_how_to_follow_it(run: Run, fake: FakeScheduler) -> None:
    assert "follow it: scheduler tasks logs -f task-1" in run("jobs", "run", "nightly").stdout
    assert run("jobs", "run", "nightly", "-o", "name").stdout == "task-1\n"
    run("jobs", "run", "nightly", "--parameters", '{"command": "false"}', "--overlap", "ALLOW")
    assert fake.requests[-1].body == {"parameters": {"command": "false"}, "overlap": "ALLOW"}
    for wrong in ("[1]", "{"):
        assert run("jobs", "run", "nightly", "--parameters", wrong).exit_code == 2


@pytest.mark.parametrize("policy", OverlapPolicy)
def test_a_run_now_may_have_any_overlap_policy(run: Run, fake: FakeScheduler, policy: OverlapPolicy) -> None:
    assert run("jobs", "run", "nightly", "--overlap", policy).exit_code == 0
    assert fake.requests[-1].body == {"overlap": policy}


def test_one_job_that_fails_does_not_stop_the_others(run: Run, fake: FakeScheduler) -> None:
    result = run("jobs", "pause", "unknown", "nightly")
    assert result.exit_code == 3
    assert fake.jobs["nightly"]["status"] == "PAUSED"
    assert "Not found" in result.stderr


def test_tasks_are_listed_for_a_job_by_its_name(run: Run, fake: FakeScheduler) -> None:
    result = run("tasks", "list", "--job", "nightly")
    assert "t-1   nightly  FAILED  2/3      2026-11-22T01:00:00Z  2026-11-22T01:00:00Z  1.250s" in result.stdout
    assert fake.requests[-1].query["jobId"] == "nightly"


def test_a_task_is_shown_with_its_attempts(run: Run, fake: FakeScheduler) -> None:
    attempt = {"attempt": 1, "executorId": "w1", "status": "LOST", "startedAt": None, "endedAt": None, "error": None}
    fake.routes["GET /tasks/t-1/attempts"] = lambda _: (200, {"items": [attempt], "nextCursor": None})
    result = run("tasks", "get", "t-1")
    assert "EXIT_CODE: exit code 3" in result.stdout
    assert "1        w1        LOST    -" in result.stdout


@pytest.mark.parametrize(
    ("result", "shown"),
    [({"exitCode": 0, "ok": True}, '{"exitCode": 0, "ok": true}'), ("ü\x1b", '"ü\\u001b"'), (0, "0")],
)
def test_the_result_of_a_task_is_shown_as_json(run: Run, fake: FakeScheduler, result: object, shown: str) -> None:
    fake.tasks["t-1"]["result"] = result
    fake.routes["GET /tasks/t-1/attempts"] = lambda _: (200, {"items": [], "nextCursor": None})
    lines = [line.split(maxsplit=1) for line in run("tasks", "get", "t-1").stdout.splitlines()]
    assert ["result", shown] in lines


def test_a_log_is_printed_line_by_line_with_a_mark_between_attempts(run: Run, fake: FakeScheduler) -> None:
    at = "2026-11-22T01:00:00.250Z"
    lines = [
        {"at": at, "attempt": 1, "level": "INFO", "stream": "stdout", "message": "hello"},
        {"at": at, "attempt": 2, "level": "WARN", "stream": "stderr", "message": "again"},
    ]
    fake.routes["GET /tasks/t-1/logs"] = lambda _: (200, {"items": lines, "nextCursor": None})
    plain = run("tasks", "logs", "t-1")
    assert (plain.stdout, plain.stderr) == ("hello\nagain\n", "--- attempt 2 ---\n")
    assert run("tasks", "logs", "t-1", "-t").stdout.startswith("2026-11-22T01:00:00Z stdout hello\n")
    assert [json.loads(line) for line in run("tasks", "logs", "t-1", "-o", "json").stdout.splitlines()] == lines
    run("tasks", "logs", "t-1", "--level", "WARN")
    assert fake.requests[-1].query["level"] == "WARN,ERROR"
    fake.streams = [lambda: iter(lines)]
    assert run("tasks", "logs", "-f", "t-1").stdout == "hello\nagain\n"


def test_a_task_is_cancelled_with_a_reason(run: Run, fake: FakeScheduler) -> None:
    fake.routes["POST /tasks/t-1/cancel"] = lambda request: (200, {"id": "t-1", "status": "CANCELLED", **request.body})
    assert run("tasks", "cancel", "t-1", "--reason", "wrong day").stdout == "task t-1 is CANCELLED\n"
    assert fake.requests[-1].body == {"reason": "wrong day"}


@pytest.mark.parametrize(
    ("status", "exit_code"),
    [(400, 1), (401, 4), (403, 4), (404, 3), (409, 5), (410, 3), (412, 5), (422, 1), (500, 1), (504, 6)],
)
def test_each_refusal_ends_with_its_exit_code_and_the_server_s_words(
    run: Run, fake: FakeScheduler, status: int, exit_code: int
) -> None:
    fields: list[dict[str, Any]] = [{"pointer": "/a/b", "code": "C", "detail": "wrong", "offset": 4}]
    refusal = problem(status, "Title", "What to do.", "CODE", errors=fields, requestId="r-9")
    fake.routes["GET /jobs/x"] = lambda _: (status, refusal)
    result = run("jobs", "get", "x")
    assert result.exit_code == exit_code
    assert result.stderr == "Error: Title — What to do.\n  /a/b, offset 4: wrong\n  request id r-9\n"


def test_words_that_error_and_field_share_are_said_once(run: Run, fake: FakeScheduler) -> None:
    one = [{"pointer": "/trigger", "detail": "It is wrong.", "code": "X", "offset": 2}]
    fake.routes["GET /jobs/x"] = lambda _: (422, problem(422, "Invalid", "It is wrong.", "INVALID", errors=one))
    assert run("jobs", "get", "x").stderr == "Error: Invalid — It is wrong.\n  at /trigger, offset 2\n"
    two = [*one, {"parameter": "limit", "detail": "It is too high.", "code": "Y"}]
    both = problem(422, "Invalid", "It is wrong.; It is too high.", "INVALID", errors=two)
    fake.routes["GET /jobs/y"] = lambda _: (422, both)
    assert run("jobs", "get", "y").stderr.splitlines() == [
        "Error: Invalid",
        "  /trigger, offset 2: It is wrong.",
        "  limit: It is too high.",
    ]


def test_no_server_ends_with_7_and_a_wrong_address_with_2(run: Run) -> None:
    assert run("-s", "127.0.0.1:1", "jobs", "list").exit_code == 7
    assert run("jobs", "list", "-s", "ftp://x").exit_code == 2


def test_text_of_others_cannot_command_the_terminal(run: Run, fake: FakeScheduler) -> None:
    fake.jobs["nightly"]["description"] = "\x1b[2Jgone\r\nline"
    assert "description  [2Jgone  line" in run("jobs", "get", "nightly").stdout
