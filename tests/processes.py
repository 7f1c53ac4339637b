"""Child processes that leave nothing behind: an unprivileged user, a directory of their own, dead with their parent."""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

SHARED_MEMORY = Path("/dev/shm")  # a tmpfs on Linux: no disk is waited for
ROOM_IN_MEMORY = 1 << 30  # bytes that must be free there

PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Account:
    """A user of this system to run a process as."""

    uid: int
    gid: int


def unprivileged() -> Account | None:
    """Whom a server should run as when we are root; None if we are not."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            found = pwd.getpwnam(name)
            return Account(found.pw_uid, found.pw_gid)
    raise LookupError("running as root, and there is neither a user postgres nor a user nobody to run a server as")


def readable_by_all(path: Path) -> bool:
    """Whether a user who owns nothing here can execute the file `path`."""
    path = path.resolve()
    return all(each.stat().st_mode & 0o001 for each in (path, *path.parents))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def scratch(
    purpose: str, account: Account | None = None, *, in_memory: bool = True, directory: Path | None = None
) -> Iterator[Path]:
    """A fresh directory that belongs to `account`, removed with the block; what killed runs left is swept first.

    It is kept in memory if asked and there is room, else below `directory` or the directory for temporary files.
    """
    parent = directory or Path(tempfile.gettempdir())
    if in_memory and os.access(SHARED_MEMORY, os.W_OK) and shutil.disk_usage(SHARED_MEMORY).free > ROOM_IN_MEMORY:
        parent = SHARED_MEMORY
    prefix = f"scheduler-{purpose}-"
    for old in parent.glob(f"{prefix}*"):
        owner = old.name.removeprefix(prefix).partition("-")[0]
        if owner.isdigit() and not _alive(int(owner)):
            shutil.rmtree(old, ignore_errors=True)
    room = Path(tempfile.mkdtemp(prefix=f"{prefix}{os.getpid()}-", dir=parent))
    try:
        if account is not None:
            os.chown(room, account.uid, account.gid)
        yield room
    finally:
        shutil.rmtree(room, ignore_errors=True)


def start(
    command: Sequence[str | Path],
    room: Path,
    account: Account | None = None,
    *,
    at_end: signal.Signals = signal.SIGINT,
) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own; what it says goes to `room/log`. It dies when this process dies.

    `at_end` is what ends it then: SIGINT ends PostgreSQL and Redis without delay; what may be stopped needs SIGKILL.
    """
    with (room / "log").open("ab") as log:
        return subprocess.Popen(
            command,
            cwd=room,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            preexec_fn=partial(_die_with_parent, at_end) if sys.platform == "linux" else None,  # noqa: PLW1509 - one system call, no lock
        )


_LIBC = ctypes.CDLL(None)  # looked up before the fork: a child of a threaded process must not load libraries


def _die_with_parent(by: signal.Signals) -> None:
    """Called after the change of user, which would clear it."""
    _LIBC.prctl(PR_SET_PDEATHSIG, by)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
