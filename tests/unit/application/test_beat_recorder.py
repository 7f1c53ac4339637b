"""Heartbeats reach the store: together, and none is lost with a store that is away for a while."""

from __future__ import annotations

import pytest

from application.scheduling.beat_recorder import BeatRecorder
from application.shared.errors import StoreUnavailable
from domain.scheduling.ports.task_queue import Session
from tests.builders import EXECUTOR_ID, NOON, SECOND
from tests.unit.application.cluster import Cluster
from tests.unit.application.fakes import ANN

SESSION = Session(executor_id=EXECUTOR_ID, epoch=1)


async def test_beats_reach_the_store_together(cluster: Cluster) -> None:
    await cluster.register()
    cluster.pass_time(30 * SECOND)
    await cluster.management.heartbeat(ANN, EXECUTOR_ID, 1, [])
    before = cluster.store.commits
    recorder = BeatRecorder(cluster.store.begin, cluster.beats)
    await recorder.tick()
    await recorder.tick()
    assert cluster.store.tables.executors[EXECUTOR_ID].last_heartbeat_at == NOON + 30 * SECOND
    assert cluster.store.commits == before + 1
    assert cluster.beats.unrecorded == {}


async def test_what_the_store_did_not_take_is_brought_again(cluster: Cluster) -> None:
    await cluster.register()
    recorder = BeatRecorder(cluster.store.begin, cluster.beats)

    def unavailable(_tables: object) -> None:
        raise StoreUnavailable("connection refused")

    cluster.beats.unrecorded[SESSION] = NOON + SECOND
    cluster.store.before_commit = unavailable
    with pytest.raises(StoreUnavailable):
        await recorder.tick()
    cluster.store.before_commit = lambda _tables: None
    await recorder.tick()
    assert cluster.store.tables.executors[EXECUTOR_ID].last_heartbeat_at == NOON + SECOND
