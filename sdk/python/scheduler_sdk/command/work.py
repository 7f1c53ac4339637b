"""The job type COMMAND: runs a program, logs what it prints, and judges its end."""

from __future__ import annotations

import signal
from errno import EACCES, ENOEXEC, ENOTDIR
from functools import partial
from pathlib import Path

from msgspec import Raw

from scheduler_sdk.command.guardian import Guardian
from scheduler_sdk.command.output import LinePipe
from scheduler_sdk.command.parameters import SHELL, CommandParameters, invalid, parse
from scheduler_sdk.command.process import ProcessGroup
from scheduler_sdk.errors import TaskFailed
from scheduler_sdk.execution.attempt import Attempt
from scheduler_sdk.execution.journal import Journal

_SUCCESS = Raw(b'{"exitCode":0}')
_SHELL_SAYS = {126: " (not executable)", 127: " (command not found)"}


class CommandWork:
    """Runs the command of an attempt as a process group; both of its outputs go to the log at level INFO."""

    def __init__(self, guardian: Guardian) -> None:
        self._guardian = guardian

    async def run(self, attempt: Attempt, journal: Journal) -> Raw | None:
        """`{"exitCode": 0}`. Raises `TaskFailed` for any other end, and for a command that cannot be started."""
        wanted = parse(attempt.item.parameters)
        group = _start(wanted, attempt)
        self._guardian.watch(group.id)
        stdout = LinePipe(partial(journal.line, attempt, "INFO", "stdout"), attempt.budget)
        stderr = LinePipe(partial(journal.line, attempt, "INFO", "stderr"), attempt.budget)
        try:
            code = await group.attend(stdout, stderr, lambda: attempt.grace)
        finally:
            self._guardian.forget(group.id)
            stdout.close()
            stderr.close()
            _remark(group, attempt, journal)
        if code == 0:
            return _SUCCESS
        raise _failure(code, in_shell=wanted.argv[0] == SHELL)


def _start(wanted: CommandParameters, attempt: Attempt) -> ProcessGroup:
    try:
        return ProcessGroup(wanted.argv, wanted.environment(attempt.item), wanted.cwd, wanted.input)
    except ValueError as error:  # what no operating system can be told, such as half of a surrogate pair
        raise invalid(str(error)) from None
    except OSError as error:
        raise _not_started(error, wanted) from None


def _not_started(error: OSError, wanted: CommandParameters) -> TaskFailed:
    program, reason = wanted.argv[0], error.strerror or str(error)
    if wanted.cwd is not None and error.filename == wanted.cwd:
        return TaskFailed("CWD_NOT_FOUND", f"the working directory {wanted.cwd} cannot be entered: {reason}")
    if isinstance(error, FileNotFoundError) and "/" in program and Path(wanted.cwd or ".", program).exists():
        return TaskFailed(
            "NOT_EXECUTABLE", f"{program} cannot be executed: the interpreter in its first line is missing"
        )
    if isinstance(error, FileNotFoundError):
        return TaskFailed("COMMAND_NOT_FOUND", f"{program}: command not found")
    if error.errno in (EACCES, ENOEXEC, ENOTDIR):
        return TaskFailed("NOT_EXECUTABLE", f"{program} cannot be executed: {reason}")
    return TaskFailed("START_FAILED", f"{program} could not be started: {reason}")


def _failure(code: int, *, in_shell: bool) -> TaskFailed:
    if code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:  # a real-time signal
            name = f"signal {-code}"
        return TaskFailed("KILLED_BY_SIGNAL", f"killed by {name}")
    return TaskFailed("EXIT_CODE", f"exit code {code}{_SHELL_SAYS.get(code, '') if in_shell else ''}")


def _remark(group: ProcessGroup, attempt: Attempt, journal: Journal) -> None:
    if group.left_behind:
        journal.remark(
            attempt,
            "processes that the command left behind were stopped: what shall outlive it needs its own session (setsid)",
        )
    if group.held_open:
        journal.remark(attempt, "a process that outlives the command holds its output open: the rest of it is not read")
