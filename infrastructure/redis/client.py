"""The connection to Redis, whichever way it is set up: one server, Sentinel, or Cluster, told apart by the address."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha1
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisClusterException, RedisError

from application.shared.errors import StoreUnavailable

Client = Redis | RedisCluster

ANSWER_SECONDS: Final = 2.0
"""Redis answers in less than a millisecond; what takes so long is away. Callers go on without it."""

_SENTINEL_PORT, _PORT = 26_379, 6_379
_PLAIN: Final = ("redis", "rediss", "unix")
_SENTINEL: Final = ("redis+sentinel", "rediss+sentinel")
_CLUSTER: Final = ("redis+cluster", "rediss+cluster")


class RedisUnavailable(StoreUnavailable):
    """Redis cannot be reached or did not answer in time; what it coordinates goes on, only slower."""

    def __init__(self, why: str) -> None:
        Exception.__init__(self, f"Redis is not available ({why}).")


@dataclass(frozen=True, slots=True)
class Address:
    """The parts of an address that names several servers: `redis+sentinel://user:password@h1:26379,h2/MASTER/DB`."""

    hosts: tuple[tuple[str, int], ...]
    username: str | None
    password: str | None
    path: tuple[str, ...]
    tls: bool


def open_redis(url: str) -> Client:
    """A client of the Redis at `url`; nothing connects before it is used. Raises `ValueError` for what is no address.

    `redis://…`, `rediss://…` (TLS) and `unix://…` are one server, `redis+sentinel://h1,h2/MASTER` asks Sentinels for
    the master, `redis+cluster://h1,h2` is a Cluster; `rediss+…` are the same over TLS.
    """
    scheme = url.partition("://")[0]
    limits: dict[str, Any] = {"socket_timeout": ANSWER_SECONDS, "socket_connect_timeout": ANSWER_SECONDS}
    once = Retry(NoBackoff(), 1)  # a connection that was cut is replaced at once; what fails again is away
    if scheme in _PLAIN:
        return Redis.from_url(url, retry=once, **limits)
    if scheme in _SENTINEL:
        address = _address(url, _SENTINEL_PORT)
        if not address.path:
            raise ValueError("A Redis address with Sentinels names their master: redis+sentinel://host:26379/MASTER.")
        login: dict[str, Any] = {"username": address.username, "password": address.password, "ssl": address.tls}
        database = int(address.path[1]) if len(address.path) > 1 else 0
        servers: Any = Sentinel  # redis-py leaves its constructor without types
        watch = servers(address.hosts, sentinel_kwargs={**limits, "ssl": address.tls}, **limits)
        master: Redis = watch.master_for(address.path[0], Redis, db=database, retry=once, **login)
        return master
    if scheme in _CLUSTER:
        address = _address(url, _PORT)
        return RedisCluster(
            startup_nodes=[ClusterNode(host, port) for host, port in address.hosts],
            username=address.username,
            password=address.password,
            ssl=address.tls,
            **limits,
        )
    known = ", ".join(f"{each}://" for each in (*_PLAIN, *_SENTINEL, *_CLUSTER))
    raise ValueError(f"The address of Redis begins with one of {known}.")


async def close_redis(client: Client) -> None:
    """Close it with all its connections; redis-py leaves those to Sentinels open."""
    await client.aclose()
    pool: object = getattr(client, "connection_pool", None)
    if isinstance(pool, SentinelConnectionPool):
        for sentinel in pool.sentinel_manager.sentinels:
            await sentinel.aclose()


@contextmanager
def redis_errors() -> Iterator[None]:
    """Raise `RedisUnavailable` for whatever means that Redis is away, full, read-only or not what was expected."""
    try:
        yield
    except (RedisError, RedisClusterException, OSError) as error:  # TimeoutError is an OSError
        raise RedisUnavailable(str(error) or type(error).__name__) from error


class Script:
    """A Lua script that a server needs not know: one that has lost its memory is told again."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._sha = sha1(text.encode(), usedforsecurity=False).hexdigest()

    async def run(self, client: Client, keys: Sequence[str], arguments: Sequence[str | int]) -> Any:
        """What the script returns. Raises `RedisUnavailable`."""
        with redis_errors():
            try:
                return await client.evalsha(self._sha, len(keys), *keys, *arguments)
            except NoScriptError:
                return await client.eval(self._text, len(keys), *keys, *arguments)


def _address(url: str, port: int) -> Address:
    parts = urlsplit(url)
    login, _, hosts = parts.netloc.rpartition("@")
    username, _, password = login.partition(":")
    try:
        found = tuple(
            (each.hostname or "localhost", each.port or port)
            for each in (urlsplit(f"//{host}") for host in hosts.split(","))
        )
    except ValueError:
        raise ValueError("The address of Redis names a port that is none.") from None
    return Address(
        hosts=found,
        username=unquote(username) or None,
        password=unquote(password) or None,
        path=tuple(part for part in parts.path.split("/") if part),
        tls=parts.scheme.startswith("rediss"),
    )
