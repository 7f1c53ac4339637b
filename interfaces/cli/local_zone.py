"""The time zone of this machine, by its IANA name: what cron reads its tables in."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

from interfaces.cli.exits import USAGE, Failure


def local_zone(environment: Mapping[str, str] = os.environ, etc: Path = Path("/etc")) -> tuple[str, str]:
    """The zone's name, and where it was found: the variable TZ, /etc/localtime, /etc/timezone, or nowhere (UTC)."""
    variable = environment.get("TZ", "").removeprefix(":")
    if variable:
        if not _is_zone(variable):
            raise Failure(f"TZ={variable} is not the name of a time zone: say which with --time-zone", USAGE)
        return variable, "from TZ"
    localtime = etc / "localtime"
    if localtime.is_symlink():
        _, found, name = localtime.readlink().as_posix().partition("zoneinfo/")
        if found and _is_zone(name):
            return name, f"from {localtime}"
    name = _first_line(etc / "timezone")
    if name and _is_zone(name):
        return name, f"from {etc / 'timezone'}"
    return "UTC", "this machine names no zone"


def _first_line(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip().partition("\n")[0]
    except (OSError, UnicodeDecodeError):
        return ""


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        return False
    return True
