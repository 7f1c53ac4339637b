"""`health` as a container asks it, and `doctor` as a person does."""

from __future__ import annotations

import json
import socket
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Any

import pytest
from click.testing import CliRunner, Result

from interfaces.cli import checks
from interfaces.cli.actuator import Answer
from interfaces.cli.app import scheduler
from interfaces.cli.launchers import GivenSettings, LaunchRefused, SchemaState
from tests.unit.cli.conftest import Run
from tests.unit.cli.fake_scheduler import FakeScheduler
from tests.unit.cli.test_executors import SHOWN as EXECUTOR

UP = {"status": "UP", "components": {"db": {"status": "UP", "details": {"database": "sqlite"}},
                                     "planner": {"status": "UP"}, "reaper": {"status": "UNKNOWN"}}}  # fmt: skip
DOWN = {"status": "DOWN", "components": {"db": {"status": "DOWN"}, "planner": {"status": "DOWN"}}}
INFO = {"build": {"version": version("platform-scheduler")}, "database": {"dialect": "sqlite", "schema": "0001"}}


@pytest.fixture(autouse=True)
def well(fake: FakeScheduler) -> None:
    fake.routes |= {
        "GET /actuator/health": lambda _: (200, UP),
        "GET /actuator/health/db": lambda _: (200, UP["components"]["db"]),  # type: ignore[index]
        "GET /actuator/info": lambda _: (200, INFO),
        "GET /cluster/executors": lambda _: (200, {"items": [EXECUTOR], "nextCursor": None}),
    }


def verdicts(result: Result) -> dict[str, str]:
    return {line.split()[1]: line.split()[0] for line in result.stdout.splitlines() if line[:1] != " "}


def test_a_server_that_is_well_ends_with_0_and_shows_its_parts(run: Run) -> None:
    shown = run("health")
    assert shown.exit_code == 0
    assert "db       UP       database sqlite" in shown.stdout
    assert run("health", "db").stdout.splitlines()[1].split() == ["db", "UP", "database", "sqlite"]
    assert json.loads(run("health", "-o", "json").stdout) == UP
    assert run("health", "-o", "name").stdout.split() == ["db", "planner", "reaper"]


def test_a_server_that_is_not_well_ends_with_1_and_names_the_parts(run: Run, fake: FakeScheduler) -> None:
    fake.routes["GET /actuator/health"] = lambda _: (503, DOWN)
    sick = run("health")
    assert (sick.exit_code, "is DOWN (db, planner)" in sick.stderr) == (1, True)


def test_no_server_a_part_that_there_is_not_and_a_stranger_have_their_own_ends(run: Run, fake: FakeScheduler) -> None:
    assert run("health", "-s", "127.0.0.1:1").exit_code == 7
    assert run("health", "nothing").exit_code == 3
    for stranger in (b"<html>", b"[]"):
        fake.routes["GET /actuator/health"] = lambda _, body=stranger: (200, body)  # type: ignore[misc]
        assert "not as a scheduler does" in run("health").stderr


def test_a_server_is_waited_for(run: Run, fake: FakeScheduler) -> None:
    answers = iter([(503, DOWN), (200, UP)])
    fake.routes["GET /actuator/health"] = lambda _: next(answers)
    assert run("health", "--wait", "60s").exit_code == 0
    fake.routes["GET /actuator/health"] = lambda _: (503, DOWN)
    late = run("health", "--wait", "1ms")
    assert (late.exit_code, "not well within 0.001 s" in late.stderr) == (6, True)
    nobody = run("health", "--wait", "1ms", "-s", "127.0.0.1:1")
    assert (nobody.exit_code, "connection refused" in nobody.stderr) == (6, True)


def test_a_server_that_says_nothing_is_given_up(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        silent = run("health", "--wait", "1ms", "-s", f"127.0.0.1:{deaf.getsockname()[1]}")
    assert (silent.exit_code, "did not answer within" in silent.stderr) == (6, True)


def test_the_doctor_finds_nothing_where_all_is_well(run: Run) -> None:
    found = run("doctor")
    assert found.exit_code == 0
    assert verdicts(found) == dict.fromkeys(
        ("server", "version", "database", "clock", "loops", "executors", "jobs"), "OK"
    )
    assert run("doctor", "-o", "name").stdout == ""


def test_the_doctor_names_what_is_wrong_and_how_to_mend_it(run: Run, fake: FakeScheduler) -> None:
    fake.jobs["old"] = {"name": "old", "tags": [], "healthError": "no such zone: Europe/Atlantis"}
    fake.routes |= {
        "GET /actuator/health": lambda _: (503, DOWN),
        "GET /actuator/info": lambda _: (200, INFO | {"build": {"version": "99.0"}}),
        "GET /cluster/executors": lambda _: (200, {"items": [EXECUTOR | {"status": "OFFLINE"}], "nextCursor": None}),
    }
    found = run("doctor")
    assert found.exit_code == 1
    wrong = {check for check, verdict in verdicts(found).items() if verdict == "WRONG"}
    assert wrong == {"database", "loops", "executors", "jobs"}
    assert verdicts(found)["version"] == "WARNING"
    for words in (
        "stuck: planner",
        "none is online, of 1 known",
        "→ start one: scheduler worker --server",
        "1 of 1 cannot be scheduled: old (no such zone: Europe/Atlantis)",
        "scheduler jobs edit old",
    ):
        assert words in found.stdout
    items = json.loads(run("doctor", "-o", "json").stdout)["items"]
    assert {item["check"] for item in items if item["verdict"] == "WRONG"} == wrong


def test_executors_that_all_drain_are_told_from_none(run: Run, fake: FakeScheduler) -> None:
    draining = EXECUTOR | {"status": "DRAINING"}
    fake.routes["GET /cluster/executors"] = lambda _: (200, {"items": [draining], "nextCursor": None})
    assert "scheduler executors activate w1" in run("doctor").stdout


def test_an_executor_that_finishes_nothing_is_a_warning(run: Run, fake: FakeScheduler) -> None:
    known = [EXECUTOR, EXECUTOR | {"id": "w2", "stalled": True}]
    fake.routes["GET /cluster/executors"] = lambda _: (200, {"items": known, "nextCursor": None})
    found = run("doctor")
    assert verdicts(found)["executors"] == "WARNING"
    assert "1 of 2 stalled: w2" in found.stdout
    assert "scheduler executors get w2" in found.stdout


def test_the_doctor_goes_on_where_one_look_fails(run: Run, fake: FakeScheduler) -> None:
    del fake.routes["GET /cluster/executors"]
    assert verdicts(run("doctor")) | {"executors": "WRONG", "jobs": "OK"} == verdicts(run("doctor"))


def test_a_doctor_without_a_server_says_only_that(run: Run) -> None:
    found = run("doctor", "-s", "127.0.0.1:1")
    assert (found.exit_code, verdicts(found)) == (1, {"server": "WRONG"})


@pytest.mark.parametrize(
    ("offset", "verdict"), [(0, "OK"), (1, "OK"), (-1, "OK"), (30, "WARNING"), (-30, "WARNING"), (None, "WARNING")]
)
def test_clocks_that_differ_by_more_than_can_be_seen_are_a_warning(offset: int | None, verdict: str) -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    server_time = None if offset is None else now + timedelta(seconds=offset)
    finding = checks._clock(Answer(200, {}, server_time, now.timestamp() + 0.5, 1.0))
    assert finding.verdict == verdict
    if offset in (30, -30):
        assert f"30 s {'ahead of' if offset > 0 else 'behind'} this machine's" in finding.found


class Database:
    """A launcher that knows one database."""

    def __init__(self, *schema: Any) -> None:
        self._schema = schema

    def db_schema(self, settings: GivenSettings) -> SchemaState:
        assert [(flag.key, flag.text) for flag in settings.flags] == [("database.url", "sqlite:///x")]
        if not self._schema:
            raise LaunchRefused("it is away")
        return SchemaState(*self._schema)


@pytest.mark.parametrize(
    ("database", "exit_code", "words"),
    [
        (Database(), 1, "it is away"),
        (Database("", "0002", True), 1, "make it: scheduler db upgrade"),
        (Database("0001", "0002", True), 1, "upgrade: scheduler db upgrade"),
        (Database("0003", "0002", False), 1, "made by a newer version"),
        (Database("0002", "0002", False), 0, "0002, which this version needs"),
    ],
)
def test_a_database_is_looked_at_without_a_server(database: Database, exit_code: int, words: str) -> None:
    found = CliRunner().invoke(scheduler, ["doctor", "--database-url", "sqlite:///x"], obj=database)
    assert (found.exit_code, words in found.stdout) == (exit_code, True)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_gets_the_script_that_completes_commands(run: Run, shell: str) -> None:
    script = run("completion", shell)
    assert (script.exit_code, "_SCHEDULER_COMPLETE" in script.stdout) == (0, True)


def test_words_are_completed() -> None:
    asked = {"_SCHEDULER_COMPLETE": "bash_complete", "COMP_WORDS": "scheduler jobs ex", "COMP_CWORD": "2"}
    told = CliRunner(env=asked).invoke(scheduler, [], prog_name="scheduler")
    assert told.stdout == "plain,explain\nplain,export\n"
