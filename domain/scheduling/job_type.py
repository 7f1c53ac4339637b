"""The kinds of work a job can be: a registry of names, what each needs, and how its parameters are checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from domain.scheduling.errors import UnknownJobType
from domain.shared.errors import FieldProblem
from domain.shared.json_value import JsonObject

Check = Callable[[JsonObject], Sequence[FieldProblem]]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobType:
    """`needs_handler`: the job must name the function that does the work.

    `check` returns what is wrong with parameters.
    """

    name: str
    needs_handler: bool
    check: Check


class JobTypes:
    """The known job types; packages add theirs."""

    def __init__(self, *types: JobType) -> None:
        self._types: Mapping[str, JobType] = MappingProxyType({t.name: t for t in types})

    def named(self, name: str) -> JobType:
        """Raises `UnknownJobType`."""
        try:
            return self._types[name]
        except KeyError:
            raise UnknownJobType(name, sorted(self._types)) from None


def check_command(parameters: JsonObject) -> Sequence[FieldProblem]:
    """`command` is a list of words, or one string for the shell; `env`, `cwd` and `stdin` are optional."""
    problems = [
        _wrong(f"/{name}", f"COMMAND knows no parameter {name!r}. It knows command, env, cwd, stdin.")
        for name in parameters
        if name not in ("command", "env", "cwd", "stdin")
    ]
    command = parameters.get("command")
    words = command if isinstance(command, Sequence) and not isinstance(command, str) else [command]
    if not words or not all(isinstance(word, str) and word for word in words):
        problems.append(_wrong("/command", "command must be a list of words, or one string for the shell; not empty."))
    env = parameters.get("env", {})
    if not isinstance(env, Mapping) or not all(isinstance(v, str) for v in env.values()):
        problems.append(_wrong("/env", "env must map names to strings."))
    problems += [
        _wrong(f"/{name}", f"{name} must be a string.")
        for name in ("cwd", "stdin")
        if not isinstance(parameters.get(name, ""), str)
    ]
    return problems


def check_nothing(_parameters: JsonObject) -> Sequence[FieldProblem]:
    """Any object will do."""
    return ()


def _wrong(pointer: str, detail: str) -> FieldProblem:
    return FieldProblem("/parameters" + pointer, "INVALID_PARAMETERS", detail)


COMMAND = JobType(name="COMMAND", needs_handler=False, check=check_command)
PYTHON = JobType(name="PYTHON", needs_handler=True, check=check_nothing)

BUILT_IN = JobTypes(COMMAND, PYTHON)
