"""The zone data in use: the `tzdata` package, whatever the operating system has."""

from __future__ import annotations

import zoneinfo

import tzdata  # type: ignore[import-untyped]


def pin_time_zones() -> None:
    """Take all zones of this process from the `tzdata` package, so that all nodes agree. To be called at start-up."""
    zoneinfo.reset_tzpath(to=())
    zoneinfo.ZoneInfo.clear_cache()


def tzdata_version() -> str:
    """The version of the pinned zone data, for example `2026a`: kept with every decision that rests on it."""
    if zoneinfo.TZPATH:
        raise RuntimeError("the zone data in use is the operating system's: call pin_time_zones() first")
    version: str = tzdata.IANA_VERSION
    return version
