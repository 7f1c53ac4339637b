"""Exit codes, and the one kind of failure that a person sees."""

from __future__ import annotations

from typing import IO, Any

import click

FAILED = 1
USAGE = 2
NOT_FOUND = 3
NOT_ALLOWED = 4
CONFLICT = 5
TIMED_OUT = 6
UNREACHABLE = 7
INTERRUPTED = 130  # as a shell reports Ctrl-C
TERMINATED = 143  # as a shell reports SIGTERM

MEANINGS = {
    0: "done",
    FAILED: "refused, failed, or the answer is no",
    USAGE: "wrong usage: an option, an argument or a file that cannot be read",
    NOT_FOUND: "not found",
    NOT_ALLOWED: "not allowed",
    CONFLICT: "it contradicts the present state",
    TIMED_OUT: "the time is over",
    UNREACHABLE: "no server",
    INTERRUPTED: "interrupted by Ctrl-C",
    TERMINATED: "a worker was told by SIGTERM to end at once",
}


class Failure(click.ClickException):
    """Ends the command with a message on standard error and an exit code."""

    def __init__(self, message: str, exit_code: int = FAILED) -> None:
        super().__init__(message)
        self.exit_code = exit_code  # type: ignore[misc]  # click reads it from the instance as well

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(click.style("Error: ", fg="red") + self.message, file=file, err=file is None)
