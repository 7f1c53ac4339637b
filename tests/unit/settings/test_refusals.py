"""What is wrong with settings is said in sentences that name the setting, where it was found, and what is allowed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bootstrap.settings_file import read_settings_file
from bootstrap.settings_keys import KEYS
from tests.unit.settings.conftest import Load, Refusal

HOSTS = "a list of host names without port; in the environment separated by commas"


@pytest.mark.parametrize(
    ("short", "wrong", "allowed"),
    [
        ("profile", '"staging"', "one of dev, test, prod"),
        ("data-dir", '""', "a text that is not empty"),
        ("server.host", "7", "a text that is not empty"),
        ("server.port", "65536", "a whole number from 0 to 65535"),
        ("server.port", '"8080"', "a whole number from 0 to 65535"),
        ("server.port", "true", "a whole number from 0 to 65535"),
        ("server.allowed-hosts", '["http://a"]', HOSTS),
        ("retry.max-attempts", "0", "a whole number from 1 to 1000"),
        ("retry.max-attempts", "2.5", "a whole number from 1 to 1000"),
        ("retry.delay-seconds", "-1", "a number from 0 to 31622400"),
        ("retry.delay-seconds", "nan", "a number from 0 to 31622400"),
        ("retry.strategy", '"TWICE"', "one of EXPONENTIAL_BACKOFF, LINEAR_BACKOFF, FIXED_DELAY"),
        ("executor.heartbeat-interval-seconds", "0", "a number above 0, at most 86400"),
        ("executor.timeout-seconds", '"2m"', "a number above 0, at most 86400"),
        ("job.max-concurrent-jobs", "0", "a whole number from 1 to 100000"),
        ("cluster.enabled", '"yes"', "true or false"),
        ("cluster.node-id", '"a b"', "a name of 1 to 128 letters, digits and ._:-"),
        ("security.executor-auth-token-header", '"X Y"', "the name of an HTTP header"),
        ("logging.format", '"xml"', "one of auto, text, json"),
        ("logging.level.root", '"LOUD"', "one of OFF, ERROR, WARN, INFO, DEBUG"),
        ("logging.level.domain", "1", "one of OFF, ERROR, WARN, INFO, DEBUG"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named_with_its_line_and_what_is_allowed(
    refusal: Refusal, short: str, wrong: str, allowed: str
) -> None:
    shown = {"nan": "NaN"}.get(wrong, wrong)
    assert refusal(f"# about this\nplatform.scheduler.{short} = {wrong}\n") == (
        f"platform.scheduler.{short} = {shown} (scheduler.toml:2) is not allowed. It must be {allowed}."
    )


@pytest.mark.parametrize(
    ("variable", "text", "short"),
    [
        ("PORT", "http", "server.port"),
        ("PLATFORM_SCHEDULER_RETRY_MAX_ATTEMPTS", "many", "retry.max-attempts"),
        ("PLATFORM_SCHEDULER_RETRY_DELAY_SECONDS", "PT1M", "retry.delay-seconds"),
        ("PLATFORM_SCHEDULER_CLUSTER_ENABLED", "on", "cluster.enabled"),
        ("PLATFORM_SCHEDULER_SERVER_ALLOWED_HOSTS", "a:80", "server.allowed-hosts"),
        ("PLATFORM_SCHEDULER_LOGGING_LEVEL_DOMAIN", "LOUD", "logging.level.domain"),
    ],
)
def test_a_wrong_variable_is_named(refusal: Refusal, variable: str, text: str, short: str) -> None:
    said = refusal(**{variable: text})
    assert said.startswith(f'platform.scheduler.{short} = "{text}" ({variable}) is not allowed. It must be ')


@pytest.mark.parametrize("variable", ["DATABASE_URL", "REDIS_URL", "PLATFORM_SCHEDULER_DATABASE_URL"])
def test_a_wrong_address_is_not_shown_for_it_may_hold_a_password(refusal: Refusal, variable: str) -> None:
    said = refusal(**{variable: "mysql://root:hunter2@db/x"})
    assert variable in said
    assert "It must be an address like " in said
    assert "hunter2" not in said


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("platform.scheduler.retry.max-attempt", "platform.scheduler.retry.max-attempts"),
        ("platform.scheduler.retry.max_attempts", "platform.scheduler.retry.max-attempts"),
        ("platform.scheduler.retry.maxAttempts", "platform.scheduler.retry.max-attempts"),
        ("retry.max-attempts", "platform.scheduler.retry.max-attempts"),
        ("platform.shceduler.server.port", "platform.scheduler.server.port"),
        ("platform.scheduler.databse.url", "platform.scheduler.database.url"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_one(refusal: Refusal, name: str, meant: str) -> None:
    assert refusal(f"{name} = 1\n") == f"{name} (scheduler.toml:1) is no setting. Do you mean {meant}?"


def test_a_name_like_no_other_is_refused_all_the_same(refusal: Refusal) -> None:
    said = "colour (scheduler.toml:1) is no setting. `scheduler config view` shows all there are."
    assert refusal('colour = "red"\n') == said
    assert refusal("", {"colour": "red"}) == said.replace(
        "colour (scheduler.toml:1)", "platform.scheduler.colour (--set)"
    )


def test_an_unknown_variable_of_ours_is_refused_with_the_nearest_one(refusal: Refusal) -> None:
    assert refusal(PLATFORM_SCHEDULER_RETRY_MAXATTEMPTS="1") == (
        "PLATFORM_SCHEDULER_RETRY_MAXATTEMPTS is no setting. Do you mean PLATFORM_SCHEDULER_RETRY_MAX_ATTEMPTS?"
    )
    assert "shows all there are" in refusal(PLATFORM_SCHEDULER_X="1")


def test_variables_of_others_are_none_of_our_business(load: Load) -> None:
    load(PLATFORM="linux", SCHEDULER_URL="http://x", RETRY_MAX_ATTEMPTS="many")


def test_a_value_where_a_section_belongs_is_told_from_an_unknown_name(refusal: Refusal) -> None:
    assert refusal("[platform.scheduler]\nretry = 3\n") == (
        "platform.scheduler.retry (scheduler.toml:2) is a section, not a setting."
        " It has delay-seconds, max-attempts, strategy."
    )


def test_a_level_for_a_package_that_does_not_exist_would_change_nothing(refusal: Refusal) -> None:
    file = '[platform.scheduler.logging.level]\naplication.scheduling = "DEBUG"\n'
    assert refusal(file) == (
        "platform.scheduler.logging.level.aplication.scheduling (scheduler.toml:2): there is no package 'aplication'"
        " here. Do you mean platform.scheduler.logging.level.application.scheduling?"
    )


def test_everything_wrong_is_told_at_once(refusal: Refusal) -> None:
    said = refusal("platform.scheduler.server.port = -1\n", flags={"retry.strategy": "x"}, PORT="x")
    assert said.splitlines()[0] == "3 settings are wrong:"
    assert all(each in said for each in ("(scheduler.toml:1)", "(--set)", "(PORT)"))


def test_two_ways_to_say_one_secret_are_one_too_many(refusal: Refusal, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("postgresql://db/x")
    said = refusal(DATABASE_URL="postgresql://db/y", DATABASE_URL_FILE=str(tmp_path / "secret"))
    assert said == "DATABASE_URL and DATABASE_URL_FILE are both set. Set one of them."


def test_a_secret_that_cannot_be_read_is_named(refusal: Refusal, tmp_path: Path) -> None:
    missing = str(tmp_path / "missing")
    assert refusal(DATABASE_URL_FILE=missing) == (
        "missing, which DATABASE_URL_FILE names, cannot be read: No such file or directory."
    )
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    assert refusal(REDIS_URL_FILE=str(tmp_path / "binary")).endswith("cannot be read: it is not UTF-8.")


def test_only_secrets_are_read_from_files(refusal: Refusal) -> None:
    assert "is no setting" in refusal(PLATFORM_SCHEDULER_SERVER_PORT_FILE="/x")


@pytest.mark.parametrize(
    ("text", "said"),
    [("a = \n", "scheduler.toml is not TOML: Invalid value (at line 1, column 5)."), ("a = 1\na = 2\n", "is not TOML")],
)
def test_a_file_that_is_no_toml_is_refused_with_the_place(refusal: Refusal, text: str, said: str) -> None:
    assert said in refusal(text)


def test_a_named_file_has_to_exist(refusal: Refusal) -> None:
    assert refusal(SCHEDULER_CONFIG="/nowhere/s.toml") == "/nowhere/s.toml cannot be read: No such file or directory."


def test_a_file_that_is_not_utf8_is_refused(refusal: Refusal, tmp_path: Path) -> None:
    (tmp_path / "scheduler.toml").write_bytes(b"a = '\xff'")
    assert refusal() == "scheduler.toml is not UTF-8."


def test_a_timeout_must_leave_room_for_lost_beats(refusal: Refusal) -> None:
    assert refusal(PLATFORM_SCHEDULER_EXECUTOR_TIMEOUT_SECONDS="60") == (
        "platform.scheduler.executor.timeout-seconds = 60.0 (PLATFORM_SCHEDULER_EXECUTOR_TIMEOUT_SECONDS) is less than"
        " three times platform.scheduler.executor.heartbeat-interval-seconds = 30 (default): one lost beat would count"
        " as a death."
    )


def test_security_cannot_be_switched_on_before_it_exists(refusal: Refusal) -> None:
    said = refusal("platform.scheduler.security.enabled = true\n")
    assert said.startswith("platform.scheduler.security.enabled = true (scheduler.toml:1) is refused: there is no auth")


def test_several_nodes_need_postgresql_and_redis(refusal: Refusal, load: Load) -> None:
    enabled = {"cluster.enabled": "true"}
    said = refusal(flags=enabled, DATABASE_URL="sqlite:///x", REDIS_URL="redis://r")
    assert said.startswith("platform.scheduler.cluster.enabled = true (--set) needs PostgreSQL")
    said = refusal(flags=enabled, DATABASE_URL="postgresql://db/x")
    assert said.startswith("platform.scheduler.cluster.enabled = true (--set) needs platform.scheduler.redis.url")
    load(flags=enabled, DATABASE_URL="postgresql://db/x", REDIS_URL="redis://r")


@pytest.mark.parametrize(
    ("flags", "redis", "reason"),
    [
        ({"cluster.enabled": "true", "lock.provider": "local"}, "redis://r", "is for one process"),
        ({"lock.provider": "redis"}, "redis://r", r"needs platform\.scheduler\.cluster\.enabled"),
        ({"cluster.roles": "api"}, "redis://r", "leaves out what nobody else does"),
        ({"cluster.enabled": "true", "redis.tenant-hash-tag": "false"}, "redis+cluster://r", "splits the keys"),
        ({"cluster.roles": "api,cook"}, "redis://r", "a list of api and loops"),
        ({"cluster.enabled": "true"}, "http://r", "an address like redis://"),
    ],
)
def test_settings_of_a_cluster_that_contradict_each_other_are_refused(
    refusal: Refusal, flags: dict[str, str], redis: str, reason: str
) -> None:
    assert re.search(reason, refusal(flags=flags, DATABASE_URL="postgresql://db/x", REDIS_URL=redis))


def test_a_server_without_a_database_is_told_how_to_name_one(load: Load) -> None:
    with pytest.raises(Exception, match=r"database\.url is not set.*--database-url.*DATABASE_URL.*scheduler\.toml"):
        load().require_database()


def test_lines_are_found_in_every_way_to_write_toml(tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_text('a.b = 1\n[c]\n"d" . e = 2\n[ "f" . g ] # here\nh = """\nx = 1\n"""\n[i]\nj = { k = 1 }\n')
    found = read_settings_file(file)
    places = {name: found.place_of(name).removeprefix(f"{file}:") for name in found.values}
    assert places == {"a.b": "1", "c.d.e": "3", "f.g.h": "5", "i.j.k": "9"}


def test_every_setting_says_what_is_allowed_and_what_it_means() -> None:
    for key in KEYS.values():
        assert key.about.endswith("."), key.name
        assert not key.allowed.endswith("."), key.name
