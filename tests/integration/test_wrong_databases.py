"""A database that takes no writes is noticed, said in the log with what to do, and taken out of service."""

from __future__ import annotations

import asyncpg
import pytest
from dependency_injector import providers

from application.shared.errors import StoreUnavailable
from bootstrap.container import Container
from bootstrap.settings import Settings
from domain.operations.lock import LockTerm
from interfaces.rest.app import create_app
from tests.builders import MINUTE
from tests.integration.rest.api import client_of


async def test_a_read_only_postgresql_is_out_of_service_with_a_reason(
    postgres_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    address = postgres_url.replace("+asyncpg", "")
    database = address.rpartition("/")[2]
    admin = await asyncpg.connect(address)
    await admin.execute(f"ALTER DATABASE {database} SET default_transaction_read_only = on")
    await admin.close()
    container = Container(settings=providers.Object(Settings(database_url=postgres_url)))
    async with client_of(create_app(container.services())) as http:
        ready = await http.get("/actuator/health/readiness")
    assert (ready.status_code, ready.json()["components"]["db"]["status"]) == (503, "OUT_OF_SERVICE")
    assert "takes no writes" in caplog.text
    assert "database.url" in caplog.text
    with pytest.raises(StoreUnavailable, match="read-only"):
        await container.operation_locks().lock(LockTerm(name="a", at_most=MINUTE))
    await container.store().dispose()


async def test_a_redis_that_was_wrong_from_the_start_keeps_a_node_out_and_one_that_is_away_does_not(
    postgres_url: str, redis_server: object
) -> None:
    url: str = redis_server.url  # type: ignore[attr-defined]
    wrong = url.replace("redis://", "redis://ann:wrong@")
    for redis, status in ((wrong, 503), ("redis://127.0.0.1:1/0", 200), (url, 200)):
        container = Container(settings=providers.Object(Settings(database_url=postgres_url, redis_url=redis)))
        async with client_of(create_app(container.services())) as http:
            assert (await http.get("/actuator/health/readiness")).status_code == status
            component = (await http.get("/actuator/health/redis")).json()["status"]
        assert component == {wrong: "OUT_OF_SERVICE", url: "UP"}.get(redis, "DOWN")
        client = container.coordination().client
        assert client is not None
        await client.aclose()
        await container.store().dispose()
