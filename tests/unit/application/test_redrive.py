"""Dead letters are tried again in batches."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from application.scheduling import redrive as module
from application.scheduling.redrive import Redrive
from application.shared.wake_up import OPENINGS, lane_topic
from domain.scheduling.dead_letter import DeadLetters, Pace
from domain.scheduling.errors import OtherCount, TooManyAtOnce
from domain.scheduling.ids import TaskId
from domain.scheduling.task_status import Gate, TaskStatus
from tests.builders import NOON
from tests.unit.application.cluster import Cluster
from tests.unit.application.documents import command
from tests.unit.application.fakes import ANN

ALL = DeadLetters(tenant=ANN.tenant)


async def dead(cluster: Cluster, count: int) -> list[TaskId]:
    await cluster.jobs.create(ANN, command(active=True, overlap="ALLOW"))
    ids = [await cluster.jobs.run_now(ANN, "backup") for _ in range(count)]
    tasks = cluster.store.tables.tasks
    for id_ in ids:
        tasks[id_] = replace(tasks[id_], status=TaskStatus.FAILED, attempt=1, ended_at=NOON)
    cluster.wake_up.topics.clear()
    return ids


async def test_all_of_them_are_tried_again_however_many_batches_it_takes(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 2)
    ids = await dead(cluster, 5)
    cluster.wake_up.topics.clear()
    before = len(cluster.store.event_types())
    done = await Redrive(cluster.store.begin, cluster.wake_up).redrive(ALL, 5, Pace(), "repaired")
    assert (done.count, done.last_ready_at) == (5, cluster.store.now)
    assert {(cluster.task(id_).status, cluster.task(id_).reason) for id_ in ids} == {(TaskStatus.PENDING, "repaired")}
    assert cluster.store.event_types()[before:] == ["TaskRetryScheduled"] * 5
    assert lane_topic(cluster.task(ids[0]).lane) in cluster.wake_up.topics


async def test_at_a_pace_the_openings_hear_of_it(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH", 2)
    ids = await dead(cluster, 3)
    done = await Redrive(cluster.store.begin, cluster.wake_up).redrive(ALL, 3, Pace(1), None)
    assert done.last_ready_at == cluster.store.now + timedelta(seconds=2)
    assert [cluster.task(id_).gate for id_ in sorted(ids)] == [None, Gate.TIME, Gate.TIME]
    assert OPENINGS in cluster.wake_up.topics


async def test_nothing_is_done_where_there_are_more_or_fewer_than_expected(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = await dead(cluster, 2)
    redrive = Redrive(cluster.store.begin, cluster.wake_up)
    assert await redrive.count(ALL) == 2
    for expected in (0, 1, 3):
        with pytest.raises(OtherCount, match=f"2 tasks match, not {expected}"):
            await redrive.redrive(ALL, expected, Pace(), None)
    monkeypatch.setattr(module, "MOST", 1)
    with pytest.raises(TooManyAtOnce, match="Narrow it"):
        await redrive.redrive(ALL, 2, Pace(), None)
    assert {cluster.task(id_).status for id_ in ids} == {TaskStatus.FAILED}


async def test_those_that_cannot_come_back_end_it(cluster: Cluster) -> None:
    ids = await dead(cluster, 2)
    tasks = cluster.store.tables.tasks
    tasks[ids[0]] = replace(tasks[ids[0]], unique_key="k")
    live = await cluster.jobs.run_now(ANN, "backup")
    tasks = cluster.store.tables.tasks
    tasks[live] = replace(tasks[live], unique_key="k")
    done = await Redrive(cluster.store.begin, cluster.wake_up).redrive(ALL, 2, Pace(), None)
    assert done.count == 1
    assert cluster.task(ids[0]).status is TaskStatus.FAILED


async def test_of_none_none_is_tried_again(cluster: Cluster) -> None:
    done = await Redrive(cluster.store.begin, cluster.wake_up).redrive(ALL, 0, Pace(), None)
    assert (done.count, done.last_ready_at) == (0, None)
