"""Fires of the past and the health of schedules, from the command line."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest

from interfaces.cli.app import scheduler
from tests.unit.cli.conftest import Run
from tests.unit.cli.fake_scheduler import FakeScheduler

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "backfill.md"
BACKFILL: dict[str, Any] = {
    "id": "b-1",
    "jobName": "backup",
    "status": "RUNNING",
    "statusReason": "1 task(s) of the job still unfinished",
    "progress": 0.5,
    "fired": 3,
    "alreadyFired": 1,
    "from": "2026-03-01T00:00:00Z",
    "to": "2026-03-08T00:00:00Z",
}


def test_a_backfill_is_started_with_days_or_times_and_only_what_was_said(run: Run, fake: FakeScheduler) -> None:
    fake.routes["POST /jobs/backup/backfill"] = lambda _: (201, BACKFILL)
    wish = ("jobs", "backfill", "backup", "--from", "2026-03-01", "--to", "2026-03-08T01:00:00+01:00")
    assert run(*wish).stdout == "backup is backfilled\nfollow it: scheduler backfills get b-1\n"
    sent = {"from": "2026-03-01T00:00:00+00:00", "to": "2026-03-08T01:00:00+01:00"}
    assert (fake.requests[-1].body, fake.requests[-1].query) == (sent, {})
    more = ("--order", "NEWEST_FIRST", "--overlap", "ALLOW", "--max-live", "9", "--max-per-minute", "60")
    assert run(*wish, *more, "--priority", "LOW", "--force", "-o", "name").stdout == "b-1\n"
    how = {"order": "NEWEST_FIRST", "overlap": "ALLOW", "maxLive": 9, "maxPerMinute": 60, "priority": "LOW"}
    assert fake.requests[-1].body == {**sent, **how, "force": True}
    assert run(*wish[:3], "--from", "yesterday", "--to", "2026-03-08").exit_code == 2


@pytest.mark.parametrize(("exact", "words"), [(True, ""), (False, "at least ")])
def test_a_dry_run_says_how_many_and_which(run: Run, fake: FakeScheduler, exact: bool, words: str) -> None:
    found = {**BACKFILL, "count": 7, "exact": exact, "times": ["2026-03-01T02:00:00Z"]}
    fake.routes["POST /jobs/backup/backfill"] = lambda _: (200, found)
    told = run("jobs", "backfill", "backup", "--from", "2026-03-01", "--to", "2026-03-08", "--dry-run").stdout
    assert told == f"{words}7 fires of backup would be made up for, 1 have happened\n  2026-03-01T02:00:00Z\n"
    assert fake.requests[-1].query == {"dryRun": "true"}


def test_backfills_are_listed_and_shown(run: Run, fake: FakeScheduler) -> None:
    fake.routes["GET /backfills"] = lambda _: (200, {"items": [BACKFILL], "nextCursor": None})
    fake.routes["GET /backfills/b-1"] = lambda _: (200, BACKFILL)
    line = run("backfills", "list", "--job", "backup", "--status", "RUNNING").stdout.split("\n")[1]
    assert line.split()[:5] == ["b-1", "backup", "RUNNING", "50", "%"]
    assert fake.requests[-1].query == {"jobId": "backup", "status": "RUNNING", "limit": "200"}
    assert "reason     1 task(s) of the job still unfinished" in run("backfills", "get", "b-1").stdout
    assert json.loads(run("backfills", "get", "b-1", "-o", "json").stdout) == BACKFILL


@pytest.mark.parametrize("verb", ["pause", "resume", "cancel"])
def test_each_verb_tells_what_became_of_it(run: Run, fake: FakeScheduler, verb: str) -> None:
    fake.routes[f"POST /backfills/b-1/{verb}"] = lambda _: (200, {**BACKFILL, "status": "CANCELLED"})
    reason = () if verb == "resume" else ("--reason", "the wrong week")
    assert run("backfills", verb, "b-1", *reason).stdout == "backfill b-1 is CANCELLED, 50 % done\n"
    assert fake.requests[-1].query == ({"reason": "the wrong week"} if reason else {})


def test_a_schedule_that_ails_ends_the_command_with_1(run: Run, fake: FakeScheduler) -> None:
    finding = {"finding": "OVERDUE", "status": "WARNING", "detail": "late by\n70 s", "mend": "see the nodes"}
    answer = {"status": "WARNING", "findings": [finding]}
    fake.routes["GET /jobs/backup/health"] = lambda _: (200, answer)
    told = run("jobs", "health", "backup")
    assert (told.exit_code, told.stdout) == (1, "backup is WARNING\n  OVERDUE: late by 70 s\n    see the nodes\n")
    assert json.loads(run("jobs", "health", "backup", "-o", "json").stdout) == answer
    answer.update(status="OK", findings=[])
    assert (run("jobs", "health", "backup", "-o", "name").stdout, run("jobs", "health", "backup").exit_code) == (
        "OK\n",
        0,
    )


def test_the_page_names_commands_and_options_that_exist() -> None:
    text = PAGE.read_text()
    for line in re.findall(r"^scheduler (.+)$", text, re.MULTILINE):
        words, found = shlex.split(line), command(*line.split()[:2])
        found.make_context("scheduler", words[2:])
    options = {name for parameter in command("jobs", "backfill").params for name in parameter.opts}
    assert set(re.findall(r"`(--[a-z-]+)", text)) <= options


def command(group: str, name: str) -> click.Command:
    within = scheduler.commands[group]
    assert isinstance(within, click.Group)
    return within.commands[name]
