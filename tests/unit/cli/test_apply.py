"""`jobs apply`: files in, one result per job out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from interfaces.cli.fire_changes import fire_lines
from tests.unit.cli.conftest import Run
from tests.unit.cli.fake_scheduler import FakeScheduler, problem

JOBS = """\
name: first
type: COMMAND
tags: []
---
name: second
type: COMMAND
trigger:
  type: CRON
  expression: "61 * * * *"
"""
BAD_CRON = problem(
    422,
    "Invalid",
    "One field is wrong.",
    "INVALID",
    errors=[{"pointer": "/trigger/expression", "detail": "61 is outside 0-59", "code": "INVALID_CRON", "offset": 0}],
)


def test_jobs_of_several_documents_are_applied_and_applying_again_changes_nothing(run: Run, tmp_path: Path) -> None:
    (tmp_path / "jobs.yaml").write_text(JOBS)
    first = run("jobs", "apply", "-f", "jobs.yaml")
    assert first.exit_code == 0
    assert "first   created  2026-11-22T11:17:00Z  jobs.yaml:1:1" in first.stdout
    assert first.stdout.endswith("\n2 created\n")
    assert run("jobs", "apply", "-f", "jobs.yaml").stdout.endswith("\n2 unchanged\n")
    (tmp_path / "jobs.yaml").write_text(JOBS.replace("tags: []", "tags: [x]"))
    assert run("jobs", "apply", "-f", "jobs.yaml").stdout.endswith("\n1 updated, 1 unchanged\n")


def test_a_job_that_is_refused_is_shown_with_its_place_and_the_others_are_applied(
    run: Run, tmp_path: Path, fake: FakeScheduler
) -> None:
    (tmp_path / "jobs.yaml").write_text(JOBS)
    fake.refuse["second"] = BAD_CRON
    result = run("jobs", "apply", "-f", "jobs.yaml")
    assert result.exit_code == 1
    assert list(fake.jobs) == ["first"]
    assert "second  failed" in result.stdout
    assert "second: Invalid — One field is wrong." in result.stderr
    assert "jobs.yaml:9:15 /trigger/expression, offset 0: 61 is outside 0-59" in result.stderr


def test_a_call_that_is_refused_whole_names_the_job_that_is_wrong(
    run: Run, tmp_path: Path, fake: FakeScheduler
) -> None:
    (tmp_path / "jobs.yaml").write_text(JOBS)
    errors = [{"pointer": "/jobs/1/trigger", "detail": "no", "code": "X"}, {"pointer": "/other", "detail": "nor"}]
    fake.routes["POST /apply"] = lambda _: (400, problem(400, "Malformed", "Two fields.", "MALFORMED", errors=errors))
    result = run("jobs", "apply", "-f", "jobs.yaml")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[1:] == ["  second, jobs.yaml:8:3 /trigger: no", "  /other: nor"]


def test_a_dry_run_changes_nothing(run: Run, tmp_path: Path, fake: FakeScheduler) -> None:
    (tmp_path / "jobs.yaml").write_text(JOBS)
    result = run("jobs", "apply", "-f", "jobs.yaml", "--dry-run")
    assert "dry run, nothing was changed: 2 created" in result.stdout
    assert fake.jobs == {}


def test_a_directory_means_all_its_files_and_standard_input_is_read_too(
    run: Run, tmp_path: Path, fake: FakeScheduler
) -> None:
    (tmp_path / "jobs" / "more").mkdir(parents=True)
    (tmp_path / "jobs" / ".git").mkdir()
    (tmp_path / "jobs" / "b.yml").write_text("name: b")
    (tmp_path / "jobs" / "more" / "c.json").write_text('{"name": "c", "description": "\\ud83d\\ude00 \\\\ud83d"}')
    (tmp_path / "jobs" / ".git" / "d.yaml").write_text("name: d")
    (tmp_path / "jobs" / "notes.txt").write_text("not: [yaml")
    result = run("jobs", "apply", "-f", "jobs", "-f", "-", "-o", "name", input="name: from-stdin")
    assert result.stdout.split() == ["b", "c", "from-stdin"]
    assert fake.jobs["c"]["description"] == "\U0001f600 \\ud83d"


def test_the_answer_can_be_had_as_json(run: Run) -> None:
    result = run("jobs", "apply", "-f", "-", "-o", "json", input="name: a")
    assert json.loads(result.stdout)["items"][0]["action"] == "CREATED"


def test_what_cannot_be_applied_ends_before_the_server_is_asked(run: Run, tmp_path: Path, fake: FakeScheduler) -> None:
    (tmp_path / "empty").mkdir()
    cases = {
        "name: a\n---\nname: a\n": "jobs with the same name, nothing was done:\n  a: at standard input:1:7",
        "a: [": "standard input:2:1",
        "": "there is no job in -",
    }
    for text, message in cases.items():
        result = run("jobs", "apply", "-f", "-", input=text)
        assert (result.exit_code, message in result.stderr) == (1, True)
    assert "there is no job in empty" in run("jobs", "apply", "-f", "empty").stderr
    missing = run("jobs", "apply", "-f", "nowhere.yaml")
    assert missing.exit_code == 2
    assert missing.stderr == "Error: cannot read nowhere.yaml: no such file or directory\n"
    assert fake.requests == []


def test_a_dry_run_counts_the_fires_that_come_and_go(run: Run, fake: FakeScheduler, tmp_path: Path) -> None:
    changes: dict[str, Any] = {"from": "a", "to": "b", "added": [], "removed": []}
    changes |= {"addedCount": 3, "removedCount": 1, "unchangedCount": 9}
    item = {"name": "greet", "action": "UPDATED", "fireChanges": changes}
    fake.routes["POST /apply"] = lambda _: (200, {"items": [item]})
    file = tmp_path / "job.yaml"
    file.write_text("name: greet\ntype: COMMAND\nparameters: {command: date}\n")
    told = run("jobs", "apply", "-f", str(file), "--dry-run").stdout
    assert "FIRES IN 7 DAYS" in told
    assert "+3 -1 =9" in told
    more = changes | {"added": ["x"] * 7, "addedCount": 7, "removed": ["y"]}
    lines = fire_lines({"name": "greet", "action": "UPDATED", "fireChanges": more})
    assert lines == ["@@ fires from a to b, 9 unchanged @@", "- y", *["+ x"] * 5, "+ and 2 more"]
    assert fire_lines({"name": "greet", "action": "UNCHANGED"}) == []
