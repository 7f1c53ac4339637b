"""Nodes: who is up, who left, who is silent; and that what goes by locks is done by one of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from dependency_injector import providers

from bootstrap.container import Container
from bootstrap.running import running
from bootstrap.settings import Settings
from bootstrap.settings_tree import Role
from infrastructure.sql.operations.node_tables import nodes as table
from interfaces.rest.app import create_app
from tests.integration.rest.api import Api, client_of


@pytest.fixture
async def neighbour(store_url: str) -> AsyncIterator[Container]:
    """Another process on the same store, under the same label."""
    container = Container(settings=providers.Object(Settings(database_url=store_url)))
    yield container
    await container.store().dispose()


async def until(look: Callable[[], Awaitable[Any]], is_so: Callable[[Any], object]) -> Any:
    """What `look` finds, once it is so."""
    async with asyncio.timeout(30):
        found = await look()
        while not is_so(found):
            await asyncio.sleep(0.02)
            found = await look()
    return found


async def test_nodes_are_shown_as_they_stand(api: Api, container: Container, neighbour: Container) -> None:
    assert (await api.get("/cluster/nodes"))["items"] == []
    await neighbour.nodes().beat()
    await container.nodes().beat()
    latest, earlier = (await api.get("/cluster/nodes"))["items"]
    assert (latest["isThis"], earlier["isThis"]) == (True, False)
    assert latest["label"] == earlier["label"] == container.settings().node_id
    assert latest["id"] != earlier["id"]
    assert (latest["status"], latest["roles"]) == ("UP", ["api", "loops"])
    await neighbour.nodes().leave()
    left = (await api.get("/cluster/nodes"))["items"][1]
    assert (left["status"], left["leftAt"] is not None) == ("LEFT", True)
    status = await api.get("/cluster/status")
    assert [node["id"] for node in status["nodes"]] == [latest["id"]]
    assert status["totalSlots"] == 0


async def test_a_silent_node_is_lost_and_later_forgotten(api: Api, container: Container, neighbour: Container) -> None:
    await neighbour.nodes().beat()
    await container.nodes().beat()

    async def silent_for(silence: timedelta) -> None:
        async with container.store().engine.begin() as connection:
            since = table.c.last_beat_at
            found = (await connection.execute(sa.select(since).where(table.c.id == neighbour.nodes().id))).scalar_one()
            change = sa.update(table).where(table.c.id == neighbour.nodes().id).values(last_beat_at=found - silence)
            await connection.execute(change)

    await silent_for(timedelta(minutes=1))
    assert (await api.get("/cluster/nodes"))["items"][1]["status"] == "LOST"
    await silent_for(timedelta(days=1))
    await container.nodes().beat()
    assert len((await api.get("/cluster/nodes"))["items"]) == 1
    await neighbour.nodes().beat()
    assert (await api.get("/cluster/nodes"))["items"][1]["status"] == "UP", "who was forgotten and lives is back"


async def test_two_live_nodes_of_one_name_are_told_once(
    container: Container, neighbour: Container, caplog: pytest.LogCaptureFixture
) -> None:
    await neighbour.nodes().beat()
    for _ in range(2):
        await container.nodes().beat()
    told = [r.message for r in caplog.records if "is called" in r.message]
    assert len(told) == 1
    assert "cluster.node-id" in told[0]


async def test_a_node_without_loops_beats_hears_executors_and_leaves(store_url: str) -> None:
    settings = Settings(database_url=store_url, roles=frozenset({Role.API}), node_id="gate")
    container = Container(settings=providers.Object(settings))
    async with running(container, migrate=False), client_of(create_app(container.services())) as http:
        api = Api(http)
        found = await until(lambda: api.get("/cluster/nodes"), lambda nodes: nodes["items"])
        found = found["items"]
        assert (found[0]["label"], found[0]["roles"]) == ("gate", ["api"])
        await api.register()
        before = (await api.get("/cluster/executors/worker-1"))["lastHeartbeatAt"]
        await api.post("/cluster/executors/worker-1/heartbeat", {"epoch": 1, "running": []})
        seen = lambda: api.get("/cluster/executors/worker-1")
        await until(seen, lambda executor: executor["lastHeartbeatAt"] != before)
        components = (await http.get("/actuator/health")).json()["components"]
        assert {"db", "node", "heartbeats"} == set(components)
    other = Container(settings=providers.Object(Settings(database_url=store_url)))
    ((node, status),) = await other.nodes().all()
    assert (node.label, status, node.left_at is not None) == ("gate", "LEFT", True)
    await other.store().dispose()


async def test_the_offset_of_an_executors_clock_is_measured_and_shown(api: Api) -> None:
    async def offset_after(sent_at: datetime | None) -> float | None:
        body = {"epoch": 1, "running": []} | ({} if sent_at is None else {"sentAt": sent_at.isoformat()})
        await api.post("/cluster/executors/worker-1/heartbeat", body)
        shown: float | None = (await api.get("/cluster/executors/worker-1"))["clockOffsetSeconds"]
        return shown

    await api.register()
    now = datetime.now(UTC)
    assert await offset_after(None) is None
    assert await offset_after(now.replace(tzinfo=None)) is None
    ahead = await offset_after(now + timedelta(minutes=5))
    assert ahead is not None
    assert 240 < ahead <= 300
    assert await offset_after(None) == ahead, "a beat that says nothing changes nothing"
    behind = await offset_after(now - timedelta(minutes=5))
    assert behind is not None
    assert behind <= -300
    await api.register(instanceId=str(uuid4()))
    assert (await api.get("/cluster/executors/worker-1"))["clockOffsetSeconds"] is None
