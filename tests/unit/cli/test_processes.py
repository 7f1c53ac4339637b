"""Commands that start processes, and how the command line ends when things go wrong around it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from interfaces.cli.app import scheduler
from interfaces.cli.launchers import (
    DevOptions,
    Flag,
    GivenSettings,
    LaunchRefused,
    RunsToo,
    ServerOptions,
    WorkerOptions,
)
from tests.unit.cli.fake_scheduler import FakeScheduler

ROOT = Path(__file__).parents[3]


class Recorder:
    """Launchers that note what they were asked for; `ending` is what happens then."""

    def __init__(self, ending: Callable[[], int] = lambda: 0) -> None:
        self.asked: list[Any] = []
        self._ending = ending

    def _start(self, options: Any) -> int:
        self.asked.append(options)
        return self._ending()

    dev = server = worker = _start

    def db_upgrade(self, settings: GivenSettings) -> str:
        return f"upgraded {settings.flags[0].text}"

    def db_current(self, settings: GivenSettings) -> str:
        return f"current {settings.flags[0].text}"

    def db_sql(self, settings: GivenSettings) -> str:
        return f"sql {settings.flags[0].text}"


def run(launchers: Recorder, *arguments: str, **environment: str) -> Result:
    return CliRunner(env={"DATABASE_URL": None, "SCHEDULER_URL": None, "PORT": None, **environment}).invoke(
        scheduler, list(arguments), obj=launchers
    )


def test_dev_needs_no_option() -> None:
    launchers = Recorder()
    assert run(launchers, "dev").exit_code == 0
    assert launchers.asked == [DevOptions()]


def test_options_are_handed_on_as_settings_under_the_name_of_the_flag() -> None:
    launchers = Recorder()
    run(launchers, "dev", "--data-dir", "d", "--port", "0", "--host", "::1", "--profile", "test", "--config", "c.toml",
        "--set", "retry.max-attempts=5", "--example")  # fmt: skip
    run(launchers, "server", "--database-url", "postgresql://db/y")
    flags = (
        Flag("--data-dir", "data-dir", "d"),
        Flag("--host", "server.host", "::1"),
        Flag("--port", "server.port", "0"),
        Flag("--profile", "profile", "test"),
        Flag("--set", "retry.max-attempts", "5"),
    )
    database = (Flag("--database-url", "database.url", "postgresql://db/y"),)
    assert launchers.asked == [
        DevOptions(GivenSettings(Path("c.toml"), flags), example=True),
        ServerOptions(GivenSettings(flags=database)),
    ]


@pytest.mark.parametrize("arguments", [["--set", "retry"], ["--set", "=5"], ["--port", "http"], ["--profile", "x"]])
def test_a_setting_that_cannot_be_one_is_wrong_usage(arguments: list[str]) -> None:
    launchers = Recorder()
    assert run(launchers, "dev", *arguments).exit_code == 2
    assert launchers.asked == []


def test_a_worker_takes_its_server_labels_and_durations() -> None:
    launchers = Recorder()
    run(launchers, "worker")
    run(launchers, "-s", "a:1", "worker", SCHEDULER_URL="b:2")
    run(launchers, "-s", "a:1", "worker", "--server", "c:3", "--id", "w1", "--pool", "gpu", "--label", "region=eu",
        "--label", "eq=a=b", "--slots", "4", "--drain-timeout", "1.5m")  # fmt: skip
    assert launchers.asked == [
        WorkerOptions("http://127.0.0.1:8080"),
        WorkerOptions("http://a:1"),
        WorkerOptions("http://c:3", "w1", "gpu", {"region": "eu", "eq": "a=b"}, 4, 90.0),
    ]


def test_a_worker_is_told_what_else_it_runs(tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text("postgresql://u:p@h/d\n")
    launchers = Recorder()
    run(launchers, "worker", "--http", "--sql", "shop=sqlite:///shop", "--sql", f"hr=@{secret}", "--job-type", "X")
    run(launchers, "worker", "--http-allow-private")
    local = "http://127.0.0.1:8080"
    databases = {"shop": "sqlite:///shop", "hr": "postgresql://u:p@h/d"}
    assert launchers.asked == [
        WorkerOptions(local, runs=RunsToo(http=True, databases=databases, job_types=("X",))),
        WorkerOptions(local, runs=RunsToo(http=True, http_allow_private=True)),
    ]
    assert "postgresql://u:p" not in repr(launchers.asked)


@pytest.mark.parametrize("value", ["shop", "=sqlite:///x", "shop=", "shop=@/no/such/file"])
def test_a_connection_needs_a_name_and_an_address(value: str) -> None:
    assert run(Recorder(), "worker", "--sql", value).exit_code == 2


@pytest.mark.parametrize(
    "arguments",
    [["--label", "novalue"], ["--drain-timeout", "soon"], ["--slots", "0"], ["--server", "ftp://x"], ["--unknown"]],
)
def test_a_wrong_option_is_wrong_usage(arguments: list[str]) -> None:
    launchers = Recorder()
    assert run(launchers, "worker", *arguments).exit_code == 2
    assert launchers.asked == []


def test_the_database_commands_print_what_the_launchers_say() -> None:
    for verb, word in (("upgrade", "upgraded"), ("current", "current"), ("sql", "sql")):
        assert run(Recorder(), "db", verb, "--database-url", "u").stdout == f"{word} u\n"


def test_the_exit_code_of_a_process_is_that_of_the_command() -> None:
    assert run(Recorder(lambda: 3), "dev").exit_code == 3


def raising(error: BaseException) -> Recorder:
    def end() -> int:
        raise error

    return Recorder(end)


def test_a_refused_start_says_why() -> None:
    result = run(raising(LaunchRefused("another process uses .scheduler")), "dev")
    assert (result.exit_code, result.stderr) == (1, "Error: another process uses .scheduler\n")


def test_an_unexpected_error_is_one_line_unless_debugging() -> None:
    result = run(raising(RuntimeError("boom")), "dev")
    assert (result.exit_code, result.stderr) == (
        1,
        "Error: unexpected RuntimeError: boom (SCHEDULER_DEBUG=1 shows where)\n",
    )
    assert isinstance(run(raising(RuntimeError("boom")), "dev", SCHEDULER_DEBUG="1").exception, RuntimeError)


def test_ctrl_c_ends_quietly() -> None:
    result = run(raising(KeyboardInterrupt()), "dev")
    assert (result.exit_code, result.output) == (130, "")


def test_the_version_is_shown() -> None:
    assert run(Recorder(), "--version").stdout.startswith("Platform Scheduler ")


ENVIRONMENT = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'sdk/python'}"}


def test_help_loads_no_library_but_click() -> None:
    code = (
        "import sys; from interfaces.cli.app import scheduler\n"
        "try: scheduler(['--help'])\n"
        "except SystemExit as end: print(end.code, sorted({n.partition('.')[0] for n in sys.modules} & "
        "{'httpx', 'aiohttp', 'msgspec', 'yaml', 'tabulate', 'sqlalchemy', 'litestar', 'bootstrap', 'zoneinfo'}))"
    )
    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=ENVIRONMENT)
    assert shown.stdout.endswith("0 []\n")


def test_a_reader_that_goes_away_ends_it_quietly(fake: FakeScheduler, server: str) -> None:
    fake.jobs = {f"job-{n:05}": {"name": f"job-{n:05}", "tags": []} for n in range(4000)}
    code = f"from interfaces.cli.app import scheduler; scheduler(['-s', '{server}', 'jobs', 'list', '--all'])"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
