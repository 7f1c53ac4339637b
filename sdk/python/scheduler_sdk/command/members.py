"""Who is left of a process group."""

from __future__ import annotations

import os
from pathlib import Path

_PROCESSES = Path("/proc")


def is_alive(group: int) -> bool:
    """Whether the group has a member that is not a zombie.

    The kernel counts a zombie as a member until its parent reaps it. For an orphan that is the init of the system or
    container, and not every one hurries, or does it at all.
    """
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return _has_living_member(group) if _PROCESSES.joinpath("self/stat").exists() else True


def _has_living_member(group: int) -> bool:
    for directory in _PROCESSES.iterdir():
        if directory.name.isdecimal():
            try:
                # "PID (NAME) STATE PARENT GROUP ..."; the name may contain anything.
                state, _, member_of = (directory / "stat").read_bytes().rpartition(b")")[2].split(maxsplit=3)[:3]
            except (OSError, ValueError):  # it has just ended
                continue
            if int(member_of) == group and state not in (b"Z", b"X"):
                return True
    return False
