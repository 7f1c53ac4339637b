"""`scheduler config`: the product's own settings, shown and checked without the product."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bootstrap.launchers import ProductLaunchers
from bootstrap.settings_keys import KEYS
from interfaces.cli.app import scheduler
from tests.unit.cli.test_processes import ENVIRONMENT

FILE = '[platform.scheduler]\nretry.max-attempts = 5\nserver.allowed-hosts = ["a.example", "b.example"]\n'


def run(*arguments: str, **environment: str) -> Result:
    known: dict[str, str | None] = {"DATABASE_URL": None, "REDIS_URL": None, "PORT": None, "SCHEDULER_CONFIG": None}
    return CliRunner(env=known | environment).invoke(scheduler, list(arguments), obj=ProductLaunchers())


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_table_shows_each_setting_its_value_and_its_origin(here: Path) -> None:
    (here / "scheduler.toml").write_text(FILE)
    shown = run("config", "view", "--show-origin", "--set", "cluster.enabled=true", PORT="9000", REDIS_URL="redis://r")
    assert shown.exit_code == 0
    rows = {line.split()[0]: line.split()[1:] for line in shown.stdout.splitlines()}
    assert rows["SETTING"] == ["VALUE", "FROM"]
    assert rows["platform.scheduler.retry.max-attempts"] == ["5", "scheduler.toml:2"]
    assert rows["platform.scheduler.server.allowed-hosts"] == ["a.example,", "b.example", "scheduler.toml:3"]
    assert rows["platform.scheduler.server.port"] == ["9000", "PORT"]
    assert rows["platform.scheduler.cluster.enabled"] == ["true", "--set"]
    assert rows["platform.scheduler.redis.url"] == ["redis://r", "REDIS_URL"]
    assert rows["platform.scheduler.database.url"] == ["-", "default"]
    assert "FROM" not in run("config", "view").stdout


def test_programs_read_the_same_as_json() -> None:
    for arguments in (
        ["config", "view", "-o", "json", "--show-origin"],
        ["-o", "json", "config", "view", "--show-origin"],
    ):
        items = json.loads(run(*arguments, DATABASE_URL="postgresql://u:hunter2@db/x").stdout)["items"]
        found = {item["name"]: item for item in items}["platform.scheduler.database.url"]
        assert found["value"] == "postgresql://u:***@db/x"
        assert found["origin"] == "DATABASE_URL"


def test_valid_settings_are_said_to_be_valid() -> None:
    valid = run("config", "validate", PORT="9000")
    assert (valid.exit_code, valid.stdout) == (
        0,
        f"The settings are valid; 1 of {len(KEYS)} are not at their default.\n",
    )


def test_wrong_settings_end_with_an_error_that_names_them(here: Path) -> None:
    (here / "other.toml").write_text("platform.scheduler.retry.max-attempt = 1\n")
    for verb in ("view", "validate"):
        wrong = run("config", verb, "--config", "other.toml")
        assert (wrong.exit_code, wrong.stdout) == (1, "")
        assert "platform.scheduler.retry.max-attempt (other.toml:1) is no setting. Do you mean" in wrong.stderr


def test_what_only_a_server_needs_is_checked_when_asked_for() -> None:
    missing = run("config", "validate", "--target", "server")
    assert (missing.exit_code, "database.url is not set" in missing.stderr) == (1, True)
    assert run("config", "validate", "--target", "server", DATABASE_URL="postgresql://db/x").exit_code == 0


@pytest.mark.parametrize("verb", ["upgrade", "current", "sql"])
def test_commands_for_a_database_say_which_setting_is_missing(verb: str) -> None:
    refused = run("db", verb)
    assert (refused.exit_code, "database.url is not set" in refused.stderr) == (1, True)


def test_settings_are_checked_without_loading_the_product(here: Path) -> None:
    code = (
        "import sys; from interfaces.cli.app import scheduler; from bootstrap.launchers import ProductLaunchers\n"
        "try: scheduler(['config', 'validate'], obj=ProductLaunchers())\n"
        "except SystemExit as end: print(end.code, sorted({n.partition('.')[0] for n in sys.modules} & "
        "{'httpx', 'aiohttp', 'sqlalchemy', 'litestar', 'asyncpg', 'uvicorn', 'structlog', 'dependency_injector'}))"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, env=ENVIRONMENT, cwd=here
    )
    assert shown.stdout.endswith("0 []\n")
