"""The contract of tests/contract/test_executor_repository.py, kept by the store of the simulation."""

from __future__ import annotations

from tests.contract.test_executor_repository import *  # noqa: F403
