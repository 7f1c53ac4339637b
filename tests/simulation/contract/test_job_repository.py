"""The contract of tests/contract/test_job_repository.py, kept by the store of the simulation."""

from __future__ import annotations

from tests.contract.test_job_repository import *  # noqa: F403
