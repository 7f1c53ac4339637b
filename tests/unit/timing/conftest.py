"""Zones come from the pinned data, so that these tests mean the same on every machine."""

from __future__ import annotations

import pytest

from infrastructure.time_zones import pin_time_zones


@pytest.fixture(scope="session", autouse=True)
def _pinned_zones() -> None:
    pin_time_zones()
