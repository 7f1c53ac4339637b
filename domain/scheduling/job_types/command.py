"""COMMAND: a program, or a line for the shell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from domain.scheduling.job_type import JobType
from domain.scheduling.job_types.parameters import not_text, not_texts_by_name, unknown, wrong
from domain.shared.errors import FieldProblem
from domain.shared.json_value import JsonObject, JsonValue

_KNOWN = ("command", "env", "cwd", "stdin")


def check_command(parameters: JsonObject) -> Sequence[FieldProblem]:
    """`command` is a list of words, or one string for the shell; `env`, `cwd` and `stdin` are optional."""
    problems = list(unknown("COMMAND", _KNOWN, parameters))
    command = parameters.get("command")
    words = command if isinstance(command, Sequence) and not isinstance(command, str) else [command]
    if not words or not all(isinstance(word, str) for word in words) or not str(words[0]).strip():
        problems.append(wrong("command", "command must be a list of words, or one string for the shell; not empty."))
    problems += [*not_texts_by_name(parameters, "env"), *not_text(parameters, "cwd", "stdin")]
    return problems or [*_impossible_names(parameters), *_with_nul(parameters)]


def _impossible_names(parameters: JsonObject) -> Iterator[FieldProblem]:
    env = parameters.get("env")
    for name in env if isinstance(env, Mapping) else ():
        if not name or "=" in name:
            yield wrong("env", f"env has {name!r}: the name of a variable is not empty and has no '='.")


def _with_nul(parameters: JsonObject) -> Iterator[FieldProblem]:
    """No program can be given that character, other than on its input."""
    for name in ("command", "env", "cwd"):
        if "\0" in "".join(_texts(parameters.get(name))):
            yield wrong(name, f"{name} contains the character NUL; no program can be given that.")


def _texts(value: JsonValue) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, each in value.items():
            yield from (name, str(each))
    elif isinstance(value, Sequence):
        yield from map(str, value)


COMMAND = JobType(
    name="COMMAND",
    needs_handler=False,
    check=check_command,
    texts=frozenset(_KNOWN),
    code={"/command": "Give the command as a list of words, or put the value into env and write the variable here."},
)
