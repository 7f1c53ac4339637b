"""What a worker says of itself when it registers."""

from __future__ import annotations

import os
import platform
import socket
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version


def sdk_version() -> str:
    try:
        return version("platform-scheduler-sdk")
    except PackageNotFoundError:  # run from a source tree that is not installed
        return "0"


def is_older(release: str, minimum: str) -> bool:
    """Whether `release` comes before `minimum`, by their leading numbers."""
    return _numbers(release) < _numbers(minimum)


def host_name() -> str:
    return socket.gethostname()


def default_labels(host: str) -> Mapping[str, str]:
    """Where a worker's commands run, and as whom."""
    return {"os": platform.system().lower(), "host": host, "user": _user()}


def _user() -> str:
    """The user in effect; the variable USER may name someone else after a `su` or `sudo`."""
    try:
        import pwd
    except ImportError:
        return os.environ.get("USERNAME", "unknown")
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # a container may run under a number without a name
        return str(os.geteuid())


def _numbers(release: str) -> tuple[int, ...]:
    numbers = []
    for part in release.split("."):
        if not part.isdecimal():
            break
        numbers.append(int(part))
    return tuple(numbers)
