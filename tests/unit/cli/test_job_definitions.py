"""Definitions of jobs on their way between files, an editor and the server."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import Result

from tests.unit.cli.conftest import Run
from tests.unit.cli.fake_scheduler import FakeScheduler, Request, problem

SHOWN: dict[str, Any] = {
    "id": "j-1",
    "name": "nightly",
    "type": "COMMAND",
    "status": "ACTIVE",
    "description": "",
    "handler": None,
    "parameters": {"command": ["true"]},
    "trigger": {"type": "CRON", "expression": "0 2 * * *", "timeZone": "Europe/Berlin", "dst": {"gap": "AUTO"}},
    "priority": 5,
    "retry": {"maxAttempts": 3, "delay": "PT1M", "strategy": "EXPONENTIAL_BACKOFF", "jitter": 0.0, "maxLost": 3},
    "timeouts": {"execution": None},
    "overlap": "SKIP",
    "misfire": {"policy": "FIRE_ONCE", "grace": "PT1M", "maxFires": 100},
    "placement": {"pool": "default", "requires": {}},
    "tags": [],
    "owner": None,
    "version": 3,
    "nextFireAt": "2027-07-01T00:00:00Z",
    "updatedAt": "2026-11-22T10:00:00Z",
}
WRITTEN = """\
name: nightly
type: COMMAND
parameters:
  command: ["true"]
trigger:
  type: CRON
  expression: "30 2 * * *"
  timeZone: Europe/Berlin
misfire: {grace: 60s}
priority: normal
"""


@pytest.fixture(autouse=True)
def known(fake: FakeScheduler) -> None:
    fake.jobs["nightly"] = dict(SHOWN)
    fake.routes["GET /jobs/j-1"] = lambda _: (200, fake.jobs["nightly"] | {"version": 3})


def refusing(detail: str) -> dict[str, Any]:
    errors = [{"pointer": "/trigger/expression", "detail": detail, "code": "INVALID_CRON", "offset": 0}]
    return problem(422, "Invalid cron", detail, "INVALID_CRON", errors=errors)


def test_an_export_says_what_matters_and_applying_it_changes_nothing(run: Run) -> None:
    exported = run("jobs", "export", "nightly")
    assert yaml.safe_load(exported.stdout) == {
        "name": "nightly",
        "type": "COMMAND",
        "active": True,
        "parameters": {"command": ["true"]},
        "trigger": {"type": "CRON", "expression": "0 2 * * *", "timeZone": "Europe/Berlin"},
        "retry": SHOWN["retry"],
    }


def test_an_export_takes_all_jobs_or_those_of_a_tag_in_the_form_asked_for(run: Run, fake: FakeScheduler) -> None:
    fake.jobs["paused"] = SHOWN | {"name": "paused", "status": "PAUSED", "tags": ["x"], "priority": 10}
    assert [job["name"] for job in yaml.safe_load_all(run("jobs", "export").stdout)] == ["nightly", "paused"]
    only = json.loads(run("jobs", "export", "--tag", "x", "-o", "json").stdout)["jobs"]
    assert [(job["name"], job["priority"], "active" in job) for job in only] == [("paused", "HIGHEST", False)]
    assert run("jobs", "export", "-o", "name").stdout.split() == ["nightly", "paused"]
    assert run("jobs", "export", "--tag", "none").stderr == "none found\n"


def test_a_job_that_this_version_does_not_know_is_exported_as_it_is_shown(run: Run, fake: FakeScheduler) -> None:
    fake.jobs["nightly"]["trigger"] = {"type": "TIDE", "harbour": "Husum"}
    assert yaml.safe_load(run("jobs", "export", "nightly").stdout)["trigger"]["harbour"] == "Husum"


def test_a_diff_shows_what_would_change_and_ends_with_1(run: Run) -> None:
    different = run("jobs", "diff", "-f", "-", input=WRITTEN)
    lines = different.stdout.splitlines()
    assert different.exit_code == 1
    assert lines[:2] == ["--- version 3 of nightly", "+++ standard input:1:1"]
    changes = [line for line in lines[2:] if line.startswith(("+", "-"))]
    assert changes == ["-  expression: 0 2 * * *", "+  expression: 30 2 * * *"]
    assert run("jobs", "diff", "-f", "-", "-o", "name", input=WRITTEN).stdout == "nightly\n"
    items = json.loads(run("jobs", "diff", "-f", "-", "-o", "json", input=WRITTEN).stdout)["items"]
    assert items[0]["action"] == "UPDATED"
    assert "+  expression: 30 2 * * *" in items[0]["diff"]


def test_a_diff_of_a_new_job_shows_all_of_it(run: Run) -> None:
    new = run("jobs", "diff", "-f", "-", input="name: new\ntype: COMMAND\nactive: true\n")
    assert (new.exit_code, new.stdout.splitlines()[0]) == (1, "--- no such job")
    assert "+active: true" in new.stdout


def test_a_diff_of_what_is_so_already_is_empty_and_ends_with_0(run: Run, fake: FakeScheduler) -> None:
    fake.jobs["same"] = {"name": "same", "type": "COMMAND"}
    same = run("jobs", "diff", "-f", "-", input="name: same\ntype: COMMAND\n")
    assert (same.exit_code, same.output) == (0, "")


def test_a_diff_that_cannot_be_said_ends_with_2_or_more(run: Run, fake: FakeScheduler) -> None:
    assert run("jobs", "diff", "-f", "-", input="a: [").exit_code == 2
    assert run("jobs", "diff", "-f", "-", "-s", "127.0.0.1:1", input=WRITTEN).exit_code == 7
    fake.refuse["nightly"] = refusing("61 is outside 0-59")
    refused = run("jobs", "diff", "-f", "-", input=WRITTEN)
    assert (refused.exit_code, "standard input:7:15 /trigger/expression" in refused.stderr) == (2, True)


def test_files_are_validated_without_a_change(run: Run, fake: FakeScheduler) -> None:
    valid = run("jobs", "validate", "-f", "-", input=WRITTEN)
    assert (valid.exit_code, valid.stdout) == (0, "valid: nightly\n")
    assert fake.requests[-1].body["dryRun"] is True
    fake.refuse["nightly"] = refusing("61 is outside 0-59")
    refused = run("jobs", "validate", "-f", "-", input=WRITTEN)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "61 is outside 0-59" in refused.stderr
    assert json.loads(run("jobs", "validate", "-f", "-", "-o", "json", input=WRITTEN).stdout)["items"][0]["problem"]


def test_jobs_are_created_and_a_taken_name_does_not_stop_the_others(run: Run, fake: FakeScheduler) -> None:
    def create(request: Request) -> tuple[int, Any]:
        if request.body["name"] == "nightly":
            return 409, problem(409, "Job name taken", "Another job is named 'nightly'.", "JOB_NAME_TAKEN")
        return 201, request.body | {"status": "CREATED", "nextFireAt": None}

    fake.routes["POST /jobs"] = create
    made = run("jobs", "create", "-f", "-", input=WRITTEN + "---\nname: other\ntype: COMMAND\n")
    assert (made.exit_code, made.stdout) == (5, "other is CREATED\n")
    assert made.stderr == "nightly: Job name taken — Another job is named 'nightly'.\n"
    assert run("jobs", "create", "-f", "-", "-o", "name", input="name: x\ntype: COMMAND").stdout == "x\n"


class Editor:
    """Edits by a replacement of text, and runs `scheduler jobs edit nightly`."""

    def __init__(self, run: Run, room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._run, self._script, self._monkeypatch = run, room / "editor.py", monkeypatch
        self.room = room

    def __call__(self, before: str, after: str, *options: str) -> Result:
        self._script.write_text(
            "import sys, pathlib\n"
            "file = pathlib.Path(sys.argv[1])\n"
            f"file.write_text(file.read_text().replace({before!r}, {after!r}))\n"
            "import os; os.utime(file, (2**31, 2**31))\n"
        )
        self._monkeypatch.setenv("VISUAL", shlex.join([sys.executable, str(self._script)]))
        self._monkeypatch.setenv("TMPDIR", str(self.room))
        self._monkeypatch.setattr("tempfile.tempdir", None)
        return self._run("jobs", "edit", "nightly", *options)


@pytest.fixture
def edit(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Editor:
    return Editor(run, tmp_path, monkeypatch)


def kept(result: Result) -> str:
    path = result.stderr.rpartition("scheduler jobs apply -f ")[2].strip()
    return Path(path).read_text()


def test_what_was_edited_is_sent_for_the_version_that_was_shown(edit: Editor, fake: FakeScheduler) -> None:
    fake.jobs["nightly"] |= {"description": "old words"}
    fake.routes["PUT /jobs/j-1"] = lambda _: (200, SHOWN | {"version": 4})
    changed = edit("description: old words", "overlap: ALLOW")
    assert (changed.exit_code, changed.stdout) == (0, "nightly is now at version 4, ACTIVE\n")
    assert fake.requests[-1].body == {"description": None, "overlap": "ALLOW"}
    assert fake.requests[-1].if_match == '"3"'


def test_an_edit_may_be_announced_and_what_was_announced_withdrawn(edit: Editor, fake: FakeScheduler, run: Run) -> None:
    coming = {"effectiveFrom": "2031-05-06T12:00:00Z", "definition": {}, "by": "ann"}
    fake.routes["PUT /jobs/j-1"] = lambda _: (200, SHOWN | {"comingChange": coming})
    fake.routes["DELETE /jobs/nightly/coming-change"] = lambda _: (200, SHOWN)
    announced = edit("0 2 * * *", "0 3 * * *", "--effective-from", "2031-05-06T12:00:00Z")
    assert announced.exit_code == 0, announced.output
    assert "will be changed at" in announced.output
    (sent,) = [request for request in fake.requests if request.method == "PUT"]
    assert sent.query["effectiveFrom"] == "2031-05-06T12:00:00+00:00"
    withdrawn = run("jobs", "withdraw-change", "nightly")
    assert (withdrawn.exit_code, "stays at version" in withdrawn.output) == (0, True)


def test_a_job_that_is_not_edited_is_left_as_it_is(edit: Editor, fake: FakeScheduler) -> None:
    left = edit("nothing that stands there", "")
    assert (left.exit_code, left.stderr) == (0, "nightly is left as it is\n")
    assert [request.method for request in fake.requests] == ["GET"]


def test_an_edit_of_what_somebody_changed_meanwhile_is_kept_and_not_applied(edit: Editor, fake: FakeScheduler) -> None:
    versions = iter([3, 4])
    fake.routes["GET /jobs/nightly"] = lambda _: (200, SHOWN | {"version": next(versions)})
    fake.routes["GET /jobs/j-1"] = fake.routes["GET /jobs/nightly"]
    refused = edit("0 2 * * *", "0 3 * * *")
    assert refused.exit_code == 5
    assert "nightly was changed meanwhile, at 2026-11-22T10:00:00Z: it is at version 4" in refused.stderr
    assert "0 3 * * *" in kept(refused)
    assert {request.method for request in fake.requests} == {"GET"}


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ("nightly\n", "other\n", "a job keeps its name, nightly"),
        ("COMMAND\n", "HTTP\n", "a job keeps its type, COMMAND"),
        ("name:", "name: [", "your text:"),
        ("name:", "---\n---\nname: x\n---\nname:", "your text holds 2 jobs"),
    ],
)
def test_an_edit_that_is_no_job_any_more_is_kept(edit: Editor, before: str, after: str, reason: str) -> None:
    refused = edit(before, after)
    assert (refused.exit_code, reason in refused.stderr) == (1, True)
    assert after in kept(refused)


@pytest.mark.parametrize(("status", "exit_code"), [(422, 1), (412, 5)])
def test_an_edit_that_the_server_refuses_is_kept(
    edit: Editor, fake: FakeScheduler, status: int, exit_code: int
) -> None:
    fake.routes["PUT /jobs/j-1"] = lambda _: (status, refusing("61 is outside 0-59") | {"status": status})
    refused = edit("0 2 * * *", "61 2 * * *")
    assert refused.exit_code == exit_code
    assert "your text:9:15 /trigger/expression, offset 0" in refused.stderr
    assert "61 2 * * *" in kept(refused)


def test_a_cron_expression_is_tried_in_a_zone(run: Run, fake: FakeScheduler) -> None:
    fire = {"nominalAt": "2027-03-28T01:00:00Z", "plannedAt": "2027-03-28T01:00:00Z"}
    shifted = {"effect": "SHIFTED", "note": "On 2027-03-28 02:30 does not exist."}
    changes = [shifted, {"effect": "UNAFFECTED", "note": "of no interest"}]
    fake.routes["POST /jobs/preview"] = lambda _: (200, {"fires": [fire], "clockChanges": changes})
    shown = run("jobs", "next", "--cron", "0 3 * * *", "--tz", "Europe/Berlin", "--count", "1")
    assert "0 3 * * *  2027-03-28T03:00:00+02:00" in shown.stdout
    assert shown.stdout.endswith("0 3 * * *: On 2027-03-28 02:30 does not exist.\n")
    trigger = {"type": "CRON", "expression": "0 3 * * *", "timeZone": "Europe/Berlin"}
    assert fake.requests[-1].body == {"trigger": trigger, "count": 1}
    run("jobs", "next", "--cron", "0 3 * * *")
    assert fake.requests[-1].body["trigger"]["timeZone"] == "UTC"
    for wrong in ([], ["nightly", "--cron", "0 3 * * *"]):
        assert run("jobs", "next", *wrong).exit_code == 2


def test_the_ledger_of_a_job_says_what_became_of_each_fire(run: Run, fake: FakeScheduler) -> None:
    fires = [
        {"nominalAt": f"2026-11-22T0{hour}:00:00Z", "decision": "SKIPPED", "reason": "OVERLAP", "count": 1,
         "taskId": None, "lagSeconds": 0.25}
        for hour in (3, 2, 1)
    ]  # fmt: skip
    fake.routes["GET /jobs/nightly/occurrences"] = lambda _: (200, {"items": fires, "nextCursor": None})
    shown = run("jobs", "occurrences", "nightly", "--limit", "2")
    assert "2026-11-22T03:00:00Z  SKIPPED   1      0.250s  -     OVERLAP" in shown.stdout
    assert "there are more than these 2" in shown.stderr
    assert json.loads(run("jobs", "occurrences", "nightly", "-o", "json").stdout)["items"] == fires
