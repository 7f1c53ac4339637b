"""Events of a running platform arrive in a stream of a real Redis, in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from dependency_injector import providers
from redis.asyncio import Redis

from application.shared.principal import LOCAL
from bootstrap.container import Container
from bootstrap.running import running
from bootstrap.settings import EventStreamSettings, Settings
from domain.notifications.message import Message, Position
from domain.notifications.sink import SinkUnavailable
from infrastructure.redis.client import open_redis
from infrastructure.redis.event_stream import RedisEventStream
from infrastructure.redis.keys import Keys
from interfaces.rest.app import create_app
from tests.integration.rest.api import Api, client_of
from tests.processes import free_port
from tests.services import Service

_NOON = datetime(2031, 5, 4, 12, tzinfo=UTC)
KEYS = Keys(environment="test-redis-stream")


@pytest.fixture
async def redis(redis_server: Service) -> AsyncIterator[Redis]:
    client = Redis.from_url(redis_server.url)
    await client.delete(KEYS.events)
    yield client
    await client.delete(KEYS.events)
    await client.aclose()


async def until(look: Callable[[], Awaitable[Any]], count: int = 1) -> None:
    """Until there are so many."""
    found = await look()
    while len(found) < count:
        await asyncio.sleep(0.01)
        found = await look()


async def test_what_happens_stands_in_the_stream_as_cloud_events(
    redis: Redis, redis_server: Service, store_url: str
) -> None:
    stream = EventStreamSettings(url=redis_server.url)
    container = Container(settings=providers.Object(Settings(database_url=store_url, event_stream=stream, keys=KEYS)))
    async with running(container, migrate=False):
        await until(lambda: container.sinks_reader().sinks(LOCAL.tenant))
        async with client_of(create_app(container.services())) as client:
            await Api(client).create_job("backup")
        await until(lambda: redis.xrange(KEYS.events, min="-", max="+", count=2), 2)
    found: Any = await redis.xrange(KEYS.events)
    entries = [fields for _, fields in found]
    assert [fields[b"type"] for fields in entries] == [b"JobCreated", b"JobActivated"]
    event = msgspec.json.decode(entries[0][b"event"])
    assert (event["specversion"], event["id"], event["data"]["jobName"]) == ("1.0", "1.0", "backup")


async def test_a_redis_that_is_away_refuses_no_event() -> None:
    client = open_redis(f"redis://127.0.0.1:{free_port()}")
    sink = RedisEventStream(client, KEYS.events, 1000)
    message = Message(position=Position(1), tenant=LOCAL.tenant, context="c", type="A", occurred_at=_NOON, data={})
    with pytest.raises(SinkUnavailable):
        await sink.publish([message])
    await sink.close()
