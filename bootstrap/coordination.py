"""How the processes of a platform hear of each other: within one, or through Redis."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from application.scheduling.ports import Heartbeats
from application.shared.clock import Clock
from application.shared.ids import Ids
from application.shared.wake_up import WakeUp
from bootstrap.settings import Settings
from bootstrap.settings_tree import LockProvider
from domain.operations.ports.locks import Locks
from infrastructure.local.heartbeats import LocalHeartbeats
from infrastructure.local.locks import LocalLocks
from infrastructure.local.wake_up import LocalWakeUp
from infrastructure.redis.checking import RedisCheck
from infrastructure.redis.client import Client, close_redis, open_redis
from infrastructure.redis.heartbeats import RedisHeartbeats
from infrastructure.redis.locks import RedisLocks
from infrastructure.redis.wake_up import RedisWakeUp
from infrastructure.sql.engine import Store
from infrastructure.sql.operations.locks import SqlLocks


@dataclass(frozen=True, slots=True, kw_only=True)
class Coordination:
    """Hints and heartbeats; with Redis they have to be started."""

    wake_up: WakeUp
    heartbeats: Heartbeats
    client: Client | None = None
    check: RedisCheck | None = None

    def follow(self, topic: str, tell: Callable[[], None]) -> None:
        """Call `tell` whenever another node gives this hint."""
        if isinstance(self.wake_up, RedisWakeUp):
            self.wake_up.follow(topic, tell)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Connected as long as the block lasts, as far as there is something to connect to."""
        async with AsyncExitStack() as stack:
            if self.client is not None:
                stack.push_async_callback(close_redis, self.client)
            for part in (self.wake_up, self.heartbeats):
                if isinstance(part, RedisWakeUp | RedisHeartbeats):
                    part.start()
                    stack.push_async_callback(part.stop)
            yield


def coordination_of(settings: Settings, ids: Ids) -> Coordination:
    """Through Redis in a cluster. Raises `ValueError` for an address that is none."""
    if settings.redis_url is None:
        return Coordination(wake_up=LocalWakeUp(), heartbeats=LocalHeartbeats())
    client = open_redis(settings.redis_url)
    return Coordination(
        wake_up=RedisWakeUp(client, settings.keys, ids.new()),
        heartbeats=RedisHeartbeats(client, settings.keys, settings.liveness.timeout),
        client=client,
        check=RedisCheck(client, settings.keys),
    )


def locks_of(settings: Settings, coordination: Coordination, store: Store, ids: Ids, clock: Clock) -> Locks:
    """The locks of operations, where the settings want them."""
    if settings.lock_provider is LockProvider.LOCAL:
        return LocalLocks(ids, clock, settings.node_id)
    if settings.lock_provider is LockProvider.REDIS and coordination.client is not None:
        return RedisLocks(coordination.client, settings.keys, ids, clock, settings.node_id)
    return SqlLocks(store, ids, settings.node_id)
