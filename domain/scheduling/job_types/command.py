"""COMMAND: a program, or a line for the shell."""

from __future__ import annotations

from collections.abc import Sequence

from domain.scheduling.job_type import JobType
from domain.scheduling.job_types.parameters import not_text, not_texts_by_name, unknown, wrong
from domain.shared.errors import FieldProblem
from domain.shared.json_value import JsonObject

_KNOWN = ("command", "env", "cwd", "stdin")


def check_command(parameters: JsonObject) -> Sequence[FieldProblem]:
    """`command` is a list of words, or one string for the shell; `env`, `cwd` and `stdin` are optional."""
    problems = list(unknown("COMMAND", _KNOWN, parameters))
    command = parameters.get("command")
    words = command if isinstance(command, Sequence) and not isinstance(command, str) else [command]
    if not words or not all(isinstance(word, str) and word for word in words):
        problems.append(wrong("command", "command must be a list of words, or one string for the shell; not empty."))
    return [*problems, *not_texts_by_name(parameters, "env"), *not_text(parameters, "cwd", "stdin")]


COMMAND = JobType(name="COMMAND", needs_handler=False, check=check_command)
