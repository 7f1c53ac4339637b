"""Functions that child processes import; what they leave behind is told by the operating system."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from scheduler_sdk.context import TaskContext
from scheduler_sdk.errors import Cancel, NonRetryable, Snooze, TaskFailed

_calls = 0
_ballast: list[bytes] = []


@dataclass
class Sum:
    a: int
    b: int = 1


def add(context: TaskContext, sum: Sum) -> dict[str, int]:
    context.log.info("adding", a=sum.a)
    context.log.error("half of a pair \ud800")
    context.progress(0.5, "half way")
    context.save_checkpoint([sum.a])
    return {"sum": sum.a + sum.b, "pid": os.getpid(), "token": context.token}


def count() -> tuple[int, int]:
    """How often this process was called, and which it is."""
    global _calls
    _calls += 1
    return os.getpid(), _calls


def grow() -> int:
    _ballast.append(os.urandom(32 * 1024 * 1024))
    return os.getpid()


def end(how: str) -> None:
    match how:
        case "exit":
            os._exit(3)
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "sys.exit":
            sys.exit(7)
        case "error":
            raise LookupError("no invoice 42")
        case "snooze":
            raise Snooze(60, "not yet")
        case "cancel":
            raise Cancel("gone")
        case "never":
            raise NonRetryable("empty", code="EMPTY")
        case "later":
            raise TaskFailed("BUSY", "try again", retry_after=30)


def hold_open_and_die(log: str) -> None:
    """Leaves a process that has the connection to the worker open, as a fork without exec has."""
    if (pid := os.fork()) == 0:
        time.sleep(600)
    _tell(log, pid)
    os._exit(4)


def polite(context: TaskContext, log: str) -> None:
    _tell(log, os.getpid())
    while not context.stopping:
        time.sleep(0.01)
    context.log.info("stopping")
    context.raise_if_stopping()


def deaf(log: str) -> None:
    """Listens to nobody, and has started a process of its own."""
    other = subprocess.Popen(["sleep", "600"])
    _tell(log, os.getpid(), other.pid)
    while True:
        time.sleep(1)


def signals() -> list[bool]:
    """Whether the signals that are meant for the worker are ignored by programs that are started from here."""
    shell = subprocess.run(["sh", "-c", "grep SigIgn /proc/self/status"], capture_output=True, text=True, check=True)
    ignored = int(shell.stdout.split()[1], 16)
    for number in (signal.SIGTERM, signal.SIGINT):
        os.kill(os.getpid(), number)
    return [bool(ignored & 1 << number - 1) for number in (signal.SIGTERM, signal.SIGINT)]


def _tell(log: str, *pids: int) -> None:
    with Path(log).open("a") as file:
        file.writelines(f"{pid}\n" for pid in pids)
