"""The zone data in use is the package's, and says its version."""

from __future__ import annotations

import zoneinfo

import pytest
import tzdata  # type: ignore[import-untyped]

from infrastructure.time_zones import pin_time_zones, tzdata_version


def test_pinned_zones_come_from_the_package() -> None:
    pin_time_zones()
    assert zoneinfo.TZPATH == ()
    assert tzdata_version() == tzdata.IANA_VERSION


def test_no_version_is_claimed_for_zones_of_the_operating_system() -> None:
    zoneinfo.reset_tzpath(to=["/usr/share/zoneinfo"])
    try:
        with pytest.raises(RuntimeError, match="pin_time_zones"):
            tzdata_version()
    finally:
        pin_time_zones()
