"""The directory in which a platform of one process keeps its data: one process at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK_FILE = "scheduler.lock"


class DataDirectoryInUse(Exception):
    """Another process works on this directory; the message says which."""

    def __init__(self, directory: Path, pid: str) -> None:
        who = f"process {pid}" if pid else "another process"
        super().__init__(f"The data directory {directory} is in use by {who}. Stop it, or choose another directory.")
        self.directory, self.pid = directory, pid


@contextmanager
def data_directory(directory: Path) -> Iterator[Path]:
    """Make the directory if need be and have it alone until the block ends, or this process does, however it ends.

    Raises `DataDirectoryInUse`; `OSError` when it cannot be made or written.
    """
    directory.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(directory / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataDirectoryInUse(directory.resolve(), os.read(descriptor, 32).decode().strip()) from None
        # The file stays when the process ends: the lock is what counts, the number in it is for people.
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        yield directory
    finally:
        os.close(descriptor)
