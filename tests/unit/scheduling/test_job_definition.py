"""What may be said about a job, and what its type has to say to that."""

from __future__ import annotations

import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.scheduling.errors import UnknownJobType
from domain.scheduling.job import JobDefinition
from domain.scheduling.job_name import RESERVED_NAMES
from domain.scheduling.job_type import JobType, JobTypes, check_nothing
from domain.scheduling.job_types.built_in import BUILT_IN
from domain.shared.errors import Invalid
from tests.builders import definition, uid

NAME_CHARACTERS = string.ascii_lowercase + string.digits + "._-"


def problems(of: JobDefinition | dict[str, Any]) -> list[tuple[str, str]]:
    """Pointer and code of everything wrong with a definition, or with one that has these fields."""
    with pytest.raises(Invalid) as refused:
        (of if isinstance(of, JobDefinition) else definition(**of)).check(BUILT_IN)
    return [(p.pointer, p.code) for p in refused.value.problems]


@pytest.mark.parametrize("name", ["a", "0", "nightly-backup", "a.b_c-d", "x" * 128, "7zip", "deadbeef"])
def test_a_name_is_short_lower_case_and_begins_with_a_letter_or_digit(name: str) -> None:
    assert definition(name).name == name


@pytest.mark.parametrize(
    "name", ["", "Backup", "-a", ".a", "_a", "a b", "a/b", "x" * 129, "ä", "a\n", "a:b", " a", *sorted(RESERVED_NAMES)]
)
def test_other_names_are_refused(name: str) -> None:
    assert problems({"name": name}) == [("/name", "INVALID_NAME")]


@pytest.mark.parametrize("name", [str(uid(77)), uid(77).hex, "0-" * 31 + "0"])
def test_a_name_that_could_be_an_id_is_refused(name: str) -> None:
    assert problems({"name": name}) == [("/name", "INVALID_NAME")]


@given(st.text(NAME_CHARACTERS, min_size=1, max_size=31).filter(lambda n: n[0].isalnum() and n not in RESERVED_NAMES))
def test_any_short_word_of_the_allowed_characters_is_a_name(name: str) -> None:
    assert definition(name).name == name


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"description": "x" * 4001}, ("/description", "TOO_LONG")),
        ({"tags": ("t",) * 51}, ("/tags", "INVALID_TAGS")),
        ({"tags": ("",)}, ("/tags", "INVALID_TAGS")),
        ({"tags": ("x" * 129,)}, ("/tags", "INVALID_TAGS")),
    ],
)
def test_texts_and_tags_have_bounds(fields: dict[str, Any], problem: tuple[str, str]) -> None:
    assert problems(fields) == [problem]


def test_the_bounds_themselves_are_allowed() -> None:
    definition(description="x" * 4000, tags=("x" * 128,) * 50).check(BUILT_IN)


def test_everything_wrong_is_told_at_once() -> None:
    wrong = {"name": "Backup", "description": "x" * 4001, "tags": ("",)}
    assert [pointer for pointer, _ in problems(wrong)] == ["/name", "/description", "/tags"]


def test_a_type_that_is_not_known_is_refused_and_the_known_ones_are_told() -> None:
    with pytest.raises(UnknownJobType, match=r"'SHELL' is not known\. Known: COMMAND, HTTP, PYTHON, SQL") as refused:
        definition(type="SHELL").check(BUILT_IN)
    assert refused.value.problems[0].pointer == "/type"


def test_a_package_may_add_a_type_with_its_own_check() -> None:
    odd = JobType(name="ODD", needs_handler=False, check=check_nothing)
    definition(type="ODD", parameters={"anything": [1]}).check(JobTypes(odd))


@pytest.mark.parametrize("handler", [None, ""])
def test_a_type_that_runs_handlers_needs_one(handler: str | None) -> None:
    assert problems({"type": "PYTHON", "handler": handler}) == [("/handler", "HANDLER_MISSING")]
    definition(type="PYTHON", handler="mail.send", parameters={"anything": 1}).check(BUILT_IN)


def test_a_type_that_runs_no_handler_refuses_one() -> None:
    assert problems({"handler": "mail.send"}) == [("/handler", "HANDLER_UNUSED")]


@pytest.mark.parametrize(
    "parameters",
    [
        {"command": ["pg_dump", "--all", ""]},
        {"command": "pg_dump | gzip > dump.gz"},
        {"command": ["true"], "env": {"LANG": "C", "EMPTY": ""}, "cwd": "/tmp", "stdin": ""},
    ],
)
def test_a_command_is_words_or_a_line_for_the_shell(parameters: dict[str, Any]) -> None:
    definition(parameters=parameters).check(BUILT_IN)


@pytest.mark.parametrize("command", [None, "", [], [""], ["a", 1], 7, {"a": "b"}, True, [["a"]]])
def test_a_command_without_words_is_refused(command: object) -> None:
    assert problems({"parameters": {"command": command}}) == [("/parameters/command", "INVALID_PARAMETERS")]


@pytest.mark.parametrize(
    ("parameters", "pointer"),
    [
        ({"env": ["A=1"]}, "/parameters/env"),
        ({"env": None}, "/parameters/env"),
        ({"env": {"A": 1}}, "/parameters/env"),
        ({"cwd": 1}, "/parameters/cwd"),
        ({"cwd": None}, "/parameters/cwd"),
        ({"stdin": ["a"]}, "/parameters/stdin"),
        ({"shell": True}, "/parameters/shell"),
    ],
)
def test_the_surroundings_of_a_command_are_checked(parameters: dict[str, Any], pointer: str) -> None:
    given = {"command": ["true"], **parameters}
    assert problems({"parameters": given}) == [(pointer, "INVALID_PARAMETERS")]


def test_a_command_that_is_missing_is_told_together_with_all_else() -> None:
    wrong = definition(handler="x", parameters={"argv": [], "cwd": 1})
    assert [p for p, _ in problems(wrong)] == [
        "/parameters/argv", "/parameters/command", "/parameters/cwd", "/handler"
    ]  # fmt: skip
