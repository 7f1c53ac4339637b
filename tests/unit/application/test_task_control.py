"""Tasks that are given to an executor by name, and what that costs its claims."""

from __future__ import annotations

from datetime import timedelta

from application.shared.wake_up import executor_topic
from domain.scheduling.ids import TaskId
from tests.builders import EXECUTOR_ID, SECOND
from tests.unit.application.cluster import Cluster
from tests.unit.application.documents import command
from tests.unit.application.fakes import ANN


async def waiting(cluster: Cluster) -> TaskId:
    """A task that waits, while the executor is there and has claimed before."""
    await cluster.register()
    await cluster.jobs.create(ANN, command(active=True, overlap="ALLOW"))
    await cluster.claim()
    return await cluster.jobs.run_now(ANN, "backup")


async def test_an_assignment_wakes_its_executor_and_comes_alone_with_its_next_claim(cluster: Cluster) -> None:
    first = await waiting(cluster)
    second = await cluster.jobs.run_now(ANN, "backup")
    await cluster.control.assign(ANN, second, EXECUTOR_ID)
    assert executor_topic(EXECUTOR_ID) in cluster.wake_up.topics
    assert [handed.task.id for handed in (await cluster.claim()).tasks] == [second]
    assert [handed.task.id for handed in (await cluster.claim()).tasks] == [first]


async def test_claims_do_not_pay_for_what_nobody_has_assigned(cluster: Cluster) -> None:
    await waiting(cluster)
    cluster.exchange.calls.clear()
    for _ in range(3):
        await cluster.claim()
    assert "deliver" not in cluster.exchange.calls


async def test_what_another_node_has_assigned_comes_within_five_seconds(cluster: Cluster) -> None:
    await waiting(cluster)
    cluster.exchange.calls.clear()
    cluster.pass_time(5 * SECOND)
    await cluster.claim(0)
    assert "deliver" not in cluster.exchange.calls
    await cluster.claim()
    assert cluster.exchange.calls.count("deliver") == 1
    cluster.pass_time(5 * SECOND - timedelta.resolution)
    await cluster.claim()
    assert cluster.exchange.calls.count("deliver") == 1
