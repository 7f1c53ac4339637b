"""The parameters of COMMAND, HTTP and SQL jobs are checked when the job is defined, not when it first fails."""

from __future__ import annotations

from typing import Any

import pytest

from domain.scheduling.job_type import JobType, JobTypes, check_nothing
from domain.scheduling.job_types.built_in import BUILT_IN

URL = "https://example.com/hook"
STATEMENT = {"connection": "shop", "statement": "delete from session where ended"}


def pointers(name: str, parameters: dict[str, Any]) -> list[str]:
    problems = BUILT_IN.named(name).check(parameters)
    assert {problem.code for problem in problems} <= {"INVALID_PARAMETERS"}
    return [problem.pointer.removeprefix("/parameters/") for problem in problems]


@pytest.mark.parametrize(
    "parameters",
    [
        {"command": "ls | wc -l"},
        {"command": ["git", "commit", "-m", ""], "env": {"LC_ALL": ""}, "cwd": "/srv", "stdin": "a\0b"},
    ],
)
def test_a_command_needs_a_line_or_words_only(parameters: dict[str, Any]) -> None:
    assert pointers("COMMAND", parameters) == []


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"command": ""}, "command"),
        ({"command": "  "}, "command"),
        ({"command": []}, "command"),
        ({"command": ["", "a"]}, "command"),
        ({"command": ["a", 1]}, "command"),
        ({"command": {"a": "b"}}, "command"),
        ({"command": None}, "command"),
        ({"command": "a\0b"}, "command"),
        ({"command": ["a", "b\0"]}, "command"),
        ({"env": {"A": 1}}, "env"),
        ({"env": {"": "1"}}, "env"),
        ({"env": {"A=B": "1"}}, "env"),
        ({"env": {"A\0": "1"}}, "env"),
        ({"env": {"A": "\0"}}, "env"),
        ({"env": ["A=1"]}, "env"),
        ({"cwd": 7}, "cwd"),
        ({"cwd": "/\0"}, "cwd"),
        ({"stdin": 7}, "stdin"),
        ({"shell": True}, "shell"),
    ],
)
def test_a_command_that_cannot_be_started_is_refused(wrong: dict[str, Any], pointer: str) -> None:
    assert pointers("COMMAND", {"command": "ls"} | wrong) == [pointer]


@pytest.mark.parametrize(
    "parameters",
    [
        {"url": URL},
        {"url": URL, "method": "POST", "headers": {"a": "b"}, "body": None, "expectedStatus": [200, 404]},
        {"url": URL, "body": [1], "timeoutSeconds": 0.5, "redirects": "ANY", "expectedStatus": []},
    ],
)
def test_a_request_needs_an_address_only(parameters: dict[str, Any]) -> None:
    assert pointers("HTTP", parameters) == []


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"url": "ftp://example.com"}, "url"),
        ({"url": None}, "url"),
        ({"verb": "GET"}, "verb"),
        ({"method": "get"}, "method"),
        ({"method": ["GET"]}, "method"),
        ({"headers": {"a": 1}}, "headers"),
        ({"headers": "a: b"}, "headers"),
        ({"expectedStatus": 200}, "expectedStatus"),
        ({"expectedStatus": "200"}, "expectedStatus"),
        ({"expectedStatus": [200, 600]}, "expectedStatus"),
        ({"expectedStatus": [True]}, "expectedStatus"),
        ({"timeoutSeconds": 0}, "timeoutSeconds"),
        ({"timeoutSeconds": 3601}, "timeoutSeconds"),
        ({"timeoutSeconds": "30"}, "timeoutSeconds"),
        ({"timeoutSeconds": None}, "timeoutSeconds"),
        ({"redirects": "ALL"}, "redirects"),
    ],
)
def test_a_request_that_cannot_be_made_is_refused(wrong: dict[str, Any], pointer: str) -> None:
    assert pointers("HTTP", {"url": URL} | wrong) == [pointer]


def test_a_statement_needs_a_connection() -> None:
    assert pointers("SQL", STATEMENT) == []
    assert pointers("SQL", STATEMENT | {"parameters": [1, None], "maxRows": 0, "timeoutSeconds": 5}) == []
    assert pointers("SQL", {}) == ["connection", "statement"]


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"statement": " "}, "statement"),
        ({"connection": 1}, "connection"),
        ({"parameters": {"a": 1}}, "parameters"),
        ({"parameters": "a"}, "parameters"),
        ({"maxRows": 10_001}, "maxRows"),
        ({"maxRows": 1.5}, "maxRows"),
        ({"maxRows": True}, "maxRows"),
        ({"timeoutSeconds": -1}, "timeoutSeconds"),
        ({"sql": "select 1"}, "sql"),
    ],
)
def test_a_statement_that_cannot_be_run_is_refused(wrong: dict[str, Any], pointer: str) -> None:
    assert pointers("SQL", STATEMENT | wrong) == [pointer]


def test_types_can_be_added_to_those_that_are_known() -> None:
    odd = JobType(name="ODD", needs_handler=False, check=check_nothing)
    more = BUILT_IN.also(odd)
    assert ("ODD" in more, "SQL" in more, "ODD" in BUILT_IN) == (True, True, False)
    assert more.named("ODD") is odd
    assert "ODD" in JobTypes(odd)
