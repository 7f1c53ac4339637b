"""Events over Server-Sent Events: live, filtered, resumed, ended by a drain."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from application.shared.principal import LOCAL
from bootstrap.container import Container
from domain.notifications.message import Position
from domain.notifications.pattern import Pattern
from infrastructure.sql.scheduling.tables import outbox
from interfaces.rest.notifications.event_stream import EventStream, Wanted
from tests.integration.rest.api import Api


def stream(container: Container, **wanted: Any) -> EventStream:
    services = container.services()
    who = Wanted(tenant=LOCAL.tenant, **wanted)
    return EventStream(services.event_feed, services.wake_up, services.draining, who)


async def events(parts: AsyncIterator[bytes], count: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while len(found) < count:
        part = (await anext(parts)).decode()
        found += [msgspec.json.decode(line[6:]) for line in part.splitlines() if line.startswith("data: ")]
    return found


async def test_what_happens_is_told_as_cloud_events(api: Api, container: Container) -> None:
    parts = await stream(container).open(None)
    assert (await anext(parts)).startswith(b":")
    following = asyncio.create_task(events(parts, 2))
    job = await api.create_job()
    created, activated = await following
    assert (created["specversion"], created["type"], created["subject"]) == ("1.0", "JobCreated", f"jobs/{job['id']}")
    assert (created["source"], created["data"]["jobName"]) == ("/scheduler/scheduling", "backup")
    assert activated["type"] == "JobActivated"
    assert created["sequence"] < activated["sequence"]


async def test_a_follower_that_was_cut_off_goes_on_after_the_last_event(api: Api, container: Container) -> None:
    await api.create_job("a")
    first, *_ = await events(await stream(container).open(Position(1, 0)), 1)
    assert first["type"] == "JobActivated"
    await api.create_job("b")
    parts = await stream(container).open(Position.read(first["id"]))
    assert [event["data"]["jobName"] for event in await events(parts, 2)] == ["b", "b"]


async def test_a_follower_gets_only_what_it_asked_for(api: Api, container: Container) -> None:
    await api.create_job("a")
    job = await api.create_job("b")
    wanted = stream(container, patterns=[Pattern("JobActivated")], job_id=job["id"])
    (event,) = await events(await wanted.open(Position(1, 0)), 1)
    assert (event["type"], event["data"]["jobName"]) == ("JobActivated", "b")


async def test_a_stream_ends_when_the_node_drains(container: Container) -> None:
    parts = await stream(container).open(None)
    await anext(parts)
    ending = asyncio.create_task(events(parts, 1))
    await asyncio.sleep(0)
    container.draining().begin()
    with pytest.raises(StopAsyncIteration):
        await ending


async def test_events_that_are_not_kept_any_more_are_gone(api: Api, container: Container) -> None:
    await api.create_job("a")
    await api.create_job("b")
    async with container.store().engine.begin() as connection:
        await connection.execute(sa.delete(outbox).where(outbox.c.seq == 1))
    for last in ("1.0", "99.0", "x"):
        problem = await api.refusal("GET", "/events/stream", headers={"Last-Event-ID": last})
        assert (problem["status"], problem["code"]) == (410, "EVENTS_AGED_OUT")


@pytest.mark.parametrize(("query", "status"), [("type=Nothing", 400), ("type=", 400), ("job=nobody", 404)])
async def test_filters_that_mean_nothing_are_refused(api: Api, query: str, status: int) -> None:
    problem = await api.refusal("GET", f"/events/stream?{query}")
    assert problem["status"] == status


async def test_the_stream_is_not_kept_by_anybody_on_the_way(api: Api, container: Container) -> None:
    container.draining().begin()
    answer = await api.call("GET", "/events/stream")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.text.startswith(":")


async def test_a_sink_that_does_not_exist_is_not_found(api: Api) -> None:
    assert (await api.get("/sinks")) == {"items": [], "nextCursor": None}
    for method, path in (("GET", ""), ("POST", "/redrive"), ("POST", "/purge")):
        problem = await api.refusal(method, f"/sinks/none/dead-letters{path}")
        assert problem["code"] == "SINK_NOT_FOUND"
