"""What is made of an address of Redis; nothing connects before it is used."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis, RedisCluster, SSLConnection
from redis.asyncio.sentinel import SentinelConnectionPool

from infrastructure.redis.client import ANSWER_SECONDS, open_redis


def pool_of(url: str) -> SentinelConnectionPool:
    client = open_redis(url)
    assert isinstance(client, Redis)
    assert isinstance(client.connection_pool, SentinelConnectionPool)
    return client.connection_pool


def test_sentinels_are_asked_for_the_master_that_the_address_names() -> None:
    pool = pool_of("redis+sentinel://ann:p%40ss@one:26380,two/main/3")
    assert (pool.service_name, pool.is_master) == ("main", True)
    given = pool.connection_kwargs
    assert (given["username"], given["password"], given["db"]) == ("ann", "p@ss", 3)
    assert (given["socket_timeout"], given["socket_connect_timeout"]) == (ANSWER_SECONDS, ANSWER_SECONDS)
    asked = [each.connection_pool.connection_kwargs for each in pool.sentinel_manager.sentinels]
    assert [(each["host"], each["port"]) for each in asked] == [("one", 26_380), ("two", 26_379)]
    assert {each["socket_timeout"] for each in asked} == {ANSWER_SECONDS}
    assert not [each for each in asked if each.get("password")], "the login is the master's, not the Sentinels'"


def test_a_master_without_login_and_database_is_the_first_one() -> None:
    given = pool_of("redis+sentinel://[::1]:26380/main").connection_kwargs
    assert (given["username"], given["password"], given["db"]) == (None, None, 0)


def test_tls_is_spoken_with_sentinels_and_with_their_master() -> None:
    pool = pool_of("rediss+sentinel://one/main")
    assert issubclass(pool.connection_class, SSLConnection)
    (asked,) = pool.sentinel_manager.sentinels
    assert issubclass(asked.connection_pool.connection_class, SSLConnection)
    assert not issubclass(pool_of("redis+sentinel://one/main").connection_class, SSLConnection)


@pytest.mark.parametrize(("scheme", "tls"), [("redis+cluster", False), ("rediss+cluster", True)])
async def test_a_cluster_is_found_through_any_of_the_servers_named(scheme: str, tls: bool) -> None:
    client = open_redis(f"{scheme}://ann:secret@one:7000,two")
    assert isinstance(client, RedisCluster)
    assert sorted(client.nodes_manager.startup_nodes) == ["one:7000", "two:6379"]
    given = client.connection_kwargs
    assert (given["username"], given["password"], given["socket_timeout"]) == ("ann", "secret", ANSWER_SECONDS)
    for node in client.nodes_manager.startup_nodes.values():
        assert (node.connection_class is SSLConnection) == tls


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("redis+sentinel://one:26379", "names their master"),
        ("redis+sentinel://one:door/main", "a port that is none"),
        ("redis+cluster://one:99999", "a port that is none"),
        ("http://one", "begins with one of redis://"),
    ],
)
def test_what_is_no_address_is_refused_with_the_way_to_write_it(url: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        open_redis(url)
