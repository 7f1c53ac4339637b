"""What the operating system says of the processes that a test has caused."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


def written(path: Path) -> str:
    """What a command has written to a file so far; empty until there is a whole line."""
    text = path.read_text() if path.exists() else ""
    return text if text.endswith("\n") else ""


def pids(path: Path) -> list[int]:
    return [int(word) for word in written(path).split()]


def running(pid: int) -> bool:
    """Whether a process still does something: a zombie does not."""
    status = _status(pid)
    return status is not None and status[0] != "Z"


def zombies() -> list[int]:
    """Children of this process that have ended and were not reaped."""
    return [pid for pid, (state, parent) in _processes() if state == "Z" and parent == os.getpid()]


def open_files() -> int:
    """How many descriptors this process has open."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def _processes() -> Iterator[tuple[int, tuple[str, int]]]:
    for directory in Path("/proc").iterdir():
        if directory.name.isdecimal() and (status := _status(int(directory.name))) is not None:
            yield int(directory.name), status


def _status(pid: int) -> tuple[str, int] | None:
    """State and parent of a process, None if there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return fields[0], int(fields[1])
