"""The contract of tests/contract/test_lane_directory.py, kept by the store of the simulation."""

from __future__ import annotations

from tests.contract.test_lane_directory import *  # noqa: F403
