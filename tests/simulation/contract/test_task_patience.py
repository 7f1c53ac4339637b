"""The contract of tests/contract/test_task_patience.py, kept by the store of the simulation."""

from __future__ import annotations

import pytest

from tests.contract.hot_tasks import HotTasks
from tests.contract.test_task_patience import *  # noqa: F403


@pytest.fixture  # type: ignore[no-redef]
def hot(memory_hot: HotTasks) -> HotTasks:
    return memory_hot
