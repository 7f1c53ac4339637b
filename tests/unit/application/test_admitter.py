"""Gates of time open when their time has come."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from application.scheduling.admitter import BATCH, Admitter
from application.shared.wake_up import lane_topic
from domain.scheduling.ids import LaneId, TaskId
from domain.scheduling.retry import RetryPolicy
from domain.scheduling.task import Origin
from domain.scheduling.task_status import Gate, TaskStatus
from tests.builders import HOUR, JOB_ID, MINUTE, NOON, SECOND, uid
from tests.unit.application.fake_queues import StoredTask
from tests.unit.application.fake_store import FakeStore
from tests.unit.application.fakes import HeardWakeUp


@pytest.fixture
def admitter(store: FakeStore, wake_up: HeardWakeUp) -> Admitter:
    return Admitter(store.begin, wake_up)


def wait(store: FakeStore, numbers: Sequence[int], minutes: int, lane: int = 1) -> None:
    """So many tasks that wait for a time."""
    for number in numbers:
        id_, ready_at = TaskId(uid(number)), NOON + minutes * MINUTE
        store.tables.tasks[id_] = StoredTask(
            id=id_, job_id=JOB_ID, lane=LaneId(lane), origin=Origin.DIRECT, status=TaskStatus.PENDING, gate=Gate.TIME,
            ready_at=ready_at, scheduled_time=ready_at, policy=RetryPolicy(),
        )  # fmt: skip


def waiting(store: FakeStore) -> int:
    return sum(task.gate is Gate.TIME for task in store.tables.tasks.values())


async def test_nothing_waits_and_nothing_is_to_be_done(admitter: Admitter, store: FakeStore) -> None:
    assert await admitter.tick() is None
    assert store.commits == 0


async def test_what_is_ready_stands_in_its_lane_and_the_rest_waits_on(
    admitter: Admitter, store: FakeStore, wake_up: HeardWakeUp
) -> None:
    wait(store, range(1, 4), minutes=0, lane=1)
    wait(store, range(4, 6), minutes=-5, lane=2)
    wait(store, [6], minutes=30)
    assert await admitter.tick() == 30 * MINUTE
    assert waiting(store) == 1
    assert sorted(wake_up.hints) == [(lane_topic(1), 3), (lane_topic(2), 2)]


async def test_a_gate_opens_at_its_time_and_not_before(admitter: Admitter, store: FakeStore) -> None:
    wait(store, [1], minutes=60)
    store.now = NOON + HOUR - SECOND
    assert await admitter.tick() == SECOND
    store.now = NOON + HOUR
    assert await admitter.tick() is None
    assert waiting(store) == 0


async def test_however_many_are_ready_they_all_open(admitter: Admitter, store: FakeStore) -> None:
    wait(store, range(1, 2 * BATCH + 2), minutes=0)
    await admitter.tick()
    assert waiting(store) == 0
    assert store.commits == 3
