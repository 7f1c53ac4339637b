"""The contract of tests/contract/test_schedule_queue.py, kept by the store of the simulation."""

from __future__ import annotations

from tests.contract.test_schedule_queue import *  # noqa: F403
