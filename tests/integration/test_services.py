"""What tests and benchmarks rely on: servers of their own that leave nothing behind, and a database for each test."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time

import asyncpg
import pytest
import redis.asyncio

from tests import services
from tests.databases import PostgresDatabases

HOLD_SERVERS = """
import time
from tests import services

with services.private_postgres() as postgres, services.private_redis() as redis:
    print(postgres.url, redis.url, flush=True)
    time.sleep(600)
"""


async def test_a_server_for_measuring_keeps_the_promises_that_one_for_tests_does_not() -> None:
    settings = "select array[current_setting('fsync'), current_setting('synchronous_commit')]"
    with services.private_postgres() as fast, services.private_postgres(durable=True) as durable:
        assert await _value(fast.url, settings) == ["off", "off"]
        assert await _value(durable.url, settings) == ["on", "on"]


async def test_redis_answers(redis_server: services.Service) -> None:
    async with redis.asyncio.Redis.from_url(redis_server.url) as client:
        assert await client.ping()


@pytest.mark.slow
def test_private_servers_die_with_a_killed_parent() -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLD_SERVERS], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    with holder.stdout as output:
        postgres_url, _ = output.readline().split()
        holder.kill()
        holder.wait()
    with pytest.raises((OSError, asyncpg.PostgresError)):
        _use_for_half_a_minute(postgres_url)


def _use_for_half_a_minute(postgres_url: str) -> None:
    for _ in range(600):
        asyncio.run(_value(postgres_url, "select 1"))
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("variable", "url"),
    [("TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:1/postgres"), ("TEST_REDIS_URL", "redis://127.0.0.1:1/0")],
)
def test_a_configured_server_that_does_not_answer_is_an_error_and_not_a_reason_to_look_for_another(
    monkeypatch: pytest.MonkeyPatch, variable: str, url: str
) -> None:
    monkeypatch.setenv(variable, url)
    service = services.postgres() if "POSTGRES" in variable else services.redis()
    with pytest.raises(services.Misconfigured, match=variable), service:
        pass


def test_each_database_is_a_copy_of_its_template_that_no_other_test_sees(postgres_databases: PostgresDatabases) -> None:
    def run(database: str, statement: str) -> object:
        return asyncio.run(_value(postgres_databases.url(database).replace("+asyncpg", ""), statement))

    with postgres_databases.database() as template:
        run(template, "create table marks as select 1 as mark")
        with postgres_databases.database(template) as mine, postgres_databases.database(template) as yours:
            run(mine, "delete from marks")
            assert (run(mine, "select count(*) from marks"), run(yours, "select count(*) from marks")) == (0, 1)


async def _value(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()
