"""Use cases on a store that is a few dictionaries."""

from __future__ import annotations

import pytest

from infrastructure.time_zones import pin_time_zones
from tests.unit.application.cluster import Cluster
from tests.unit.application.fake_store import FakeStore
from tests.unit.application.fakes import CountedIds, HeardWakeUp


@pytest.fixture(scope="session", autouse=True)
def _pinned_zones() -> None:
    pin_time_zones()


@pytest.fixture
def store() -> FakeStore:
    """An empty store whose clock stands at noon."""
    return FakeStore()


@pytest.fixture
def wake_up() -> HeardWakeUp:
    return HeardWakeUp()


@pytest.fixture
def ids() -> CountedIds:
    return CountedIds()


@pytest.fixture
def cluster(store: FakeStore, wake_up: HeardWakeUp, ids: CountedIds) -> Cluster:
    return Cluster(store, wake_up, ids)
