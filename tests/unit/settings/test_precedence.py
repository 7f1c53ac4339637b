"""A flag comes before the environment, that before the file, that before the profile, that before the default."""

from __future__ import annotations

import re
import socket
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from application.shared.log_level import LogLevel
from bootstrap.settings_keys import KEYS
from bootstrap.settings_loading import load_settings
from bootstrap.settings_tree import LogFormat, Profile, Role, Scheduler
from domain.scheduling.executor import Liveness
from domain.scheduling.retry import RetryPolicy, RetryStrategy
from interfaces.cli.launchers import Flag, GivenSettings
from tests.unit.settings.conftest import Load

PORT = "platform.scheduler.server.port"


def test_each_source_is_asked_after_those_that_come_before_it(load: Load) -> None:
    file = '[platform.scheduler]\nprofile = "test"\nserver.port = 3\n'
    sources: list[tuple[str, dict[str, Any]]] = [
        ("--set", {"flags": {"server.port": "1"}}),
        ("PLATFORM_SCHEDULER_SERVER_PORT", {"PLATFORM_SCHEDULER_SERVER_PORT": "2"}),
        ("PORT", {"PORT": "4"}),
    ]
    while sources:
        given = {name: value for _, each in sources for name, value in each.items()}
        assert load(file, **given).values[PORT].origin == sources.pop(0)[0]
    assert load(file).values[PORT].origin.endswith("scheduler.toml:3")
    assert load('[platform.scheduler]\nprofile = "test"\n').values[PORT].origin == "profile test"
    assert load("").values[PORT].origin == "default"


def test_without_any_source_everything_has_its_default(load: Load) -> None:
    loaded = load()
    assert loaded.tree == Scheduler()
    assert loaded.values.keys() == KEYS.keys()
    assert {value.origin for value in loaded.values.values()} == {"default"}


def test_the_settings_are_made_of_all_that_was_found(load: Load) -> None:
    loaded = load(
        """
        [platform.scheduler]
        retry = { max-attempts = 7, delay-seconds = 1.5, strategy = "linear_backoff" }
        executor.heartbeat-interval-seconds = 1
        executor.timeout-seconds = 3
        job.max-concurrent-jobs = 16
        cluster.node-id = "eu-1"
        server.allowed-hosts = ["jobs.example", "[::1]"]
        """
    )
    settings = loaded.settings("sqlite:///x")
    assert settings.job_defaults.retry == RetryPolicy(
        max_attempts=7, delay=timedelta(seconds=1.5), strategy=RetryStrategy.LINEAR_BACKOFF
    )
    assert settings.liveness == Liveness(interval=timedelta(seconds=1), timeout=timedelta(seconds=3))
    assert (settings.slots, settings.node_id) == (16, "eu-1")
    assert settings.allowed_hosts == ("jobs.example", "[::1]")
    assert settings.database_url == "sqlite:///x"


def test_the_defaults_are_those_of_the_domain(load: Load) -> None:
    settings = load().settings("sqlite:///x")
    assert (settings.job_defaults.retry, settings.liveness) == (RetryPolicy(), Liveness())
    assert (settings.host, settings.port, settings.slots) == ("127.0.0.1", 8080, 100)
    assert settings.node_id == socket.gethostname()


@pytest.mark.parametrize("profile", Profile)
def test_a_profile_decides_a_few_defaults_and_can_be_overruled(load: Load, profile: Profile) -> None:
    tree = load(flags={"profile": profile}).tree
    assert tree.profile is profile
    expected = {
        Profile.DEV: (".scheduler", 8080, LogFormat.AUTO, LogLevel.INFO),
        Profile.TEST: (".scheduler-test", 0, LogFormat.AUTO, LogLevel.WARN),
        Profile.PROD: ("/var/lib/platform-scheduler", 8080, LogFormat.JSON, LogLevel.INFO),
    }
    assert (tree.data_dir, tree.server.port, tree.logging.format, tree.logging.level.root) == expected[profile]
    assert load(flags={"profile": profile, "data-dir": "d"}).tree.data_dir == "d"


def test_the_last_of_several_flags_counts(tmp_path: Path) -> None:
    flags = (Flag("--port", "server.port", "1"), Flag("--set", "platform.scheduler.server.port", "2"))
    loaded = load_settings(GivenSettings(flags=flags), {}, tmp_path)
    assert (loaded.tree.server.port, loaded.values[PORT].origin) == (2, "--set")


def test_a_file_may_be_named_by_a_flag_or_else_by_the_environment(tmp_path: Path) -> None:
    for number, name in enumerate(("scheduler.toml", "named.toml", "flag.toml")):
        (tmp_path / name).write_text(f"[platform.scheduler.server]\nport = {number}\n")
    variable = {"SCHEDULER_CONFIG": str(tmp_path / "named.toml")}
    assert load_settings(GivenSettings(), {}, tmp_path).tree.server.port == 0
    assert load_settings(GivenSettings(), variable, tmp_path).tree.server.port == 1
    assert load_settings(GivenSettings(tmp_path / "flag.toml"), variable, tmp_path).tree.server.port == 2


def test_loggers_have_levels_from_every_source(load: Load) -> None:
    loaded = load(
        '[platform.scheduler.logging.level]\nroot = "warn"\napplication.scheduling = "DEBUG"\n"uvicorn" = "off"\n',
        flags={"logging.level.domain": "error"},
        PLATFORM_SCHEDULER_LOGGING_LEVEL_APPLICATION__SCHEDULING__TASK_EXECUTION="info",
    )
    assert loaded.logs.levels == {
        "root": LogLevel.WARN,
        "application.scheduling": LogLevel.DEBUG,
        "application.scheduling.task_execution": LogLevel.INFO,
        "domain": LogLevel.ERROR,
        "uvicorn": LogLevel.OFF,
    }


def test_lists_and_switches_are_read_from_text(load: Load) -> None:
    tree = load(
        PLATFORM_SCHEDULER_SERVER_ALLOWED_HOSTS=" a.example, b ",
        PLATFORM_SCHEDULER_CLUSTER_ENABLED="True",
        PLATFORM_SCHEDULER_CLUSTER_ROLES="api",
        REDIS_URL="redis://r",
    ).tree
    assert (tree.server.allowed_hosts, tree.cluster.enabled) == (["a.example", "b"], True)
    assert tree.cluster.roles == [Role.API]


def test_an_empty_variable_counts_as_not_set(load: Load) -> None:
    assert load(PLATFORM_SCHEDULER_SERVER_PORT="", DATABASE_URL="", SCHEDULER_CONFIG="").tree == Scheduler()


def test_a_secret_may_lie_in_a_file_that_a_variable_names(load: Load, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("postgresql://u:p@db/x\n")
    for variable in ("DATABASE_URL", "PLATFORM_SCHEDULER_DATABASE_URL"):
        found = load(**{f"{variable}_FILE": str(tmp_path / "secret")})
        assert found.require_database() == "postgresql://u:p@db/x"
        assert found.values["platform.scheduler.database.url"].origin == f"{variable}_FILE"


def test_variables_that_kubernetes_sets_for_a_service_of_our_name_are_no_settings(load: Load) -> None:
    links = {
        "PLATFORM_SCHEDULER_SERVICE_HOST": "10.0.0.1",
        "PLATFORM_SCHEDULER_SERVICE_PORT": "8080",
        "PLATFORM_SCHEDULER_SERVICE_PORT_HTTP": "8080",
        "PLATFORM_SCHEDULER_PORT": "tcp://10.0.0.1:8080",
        "PLATFORM_SCHEDULER_PORT_8080_TCP": "tcp://10.0.0.1:8080",
        "PLATFORM_SCHEDULER_PORT_8080_TCP_ADDR": "10.0.0.1",
        "PLATFORM_SCHEDULER_SERVER_PORT": "tcp://10.0.0.1:8080",
    }
    assert load(**links).tree == Scheduler()


def test_the_example_of_the_reference_can_be_loaded(load: Load) -> None:
    page = (Path(__file__).parents[3] / "docs/reference/settings.md").read_text()
    (example,) = re.findall(r"```toml\n(.+?)```", page, re.DOTALL)
    loaded = load(example)
    assert (loaded.tree.profile, loaded.tree.retry.max_attempts) == (Profile.PROD, 5)
    assert loaded.logs.levels["application.scheduling"] is LogLevel.DEBUG


def test_no_two_settings_share_a_variable() -> None:
    variables = [variable for key in KEYS.values() for variable in key.variables]
    assert len(variables) == len(set(variables))
    assert "PLATFORM_SCHEDULER_RETRY_MAX_ATTEMPTS" in variables


def test_every_default_is_a_value_that_is_allowed() -> None:
    for key in KEYS.values():
        assert key.default is None or key.read(key.default) == key.default
