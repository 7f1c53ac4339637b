"""The contract of tests/contract/test_turns.py, kept by the store of the simulation."""

from __future__ import annotations

from tests.contract.test_turns import *  # noqa: F403
