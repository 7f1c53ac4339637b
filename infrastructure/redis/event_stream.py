"""The sink that is a stream of Redis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from application.notifications.cloud_event import encoded
from domain.notifications.message import Message
from domain.notifications.ports.sink import Sink
from domain.notifications.sink import SinkUnavailable
from domain.shared.ids import TenantId
from infrastructure.redis.client import Client, RedisUnavailable, close_redis, redis_errors

NAME: Final = "redis-stream"


class RedisEventStream(Sink):
    """An entry an event: `id`, `type` and `tenant` to choose by, and all of it as CloudEvent in `event`.

    The stream is cut to about `longest` entries. A reader that sees an `id` twice has seen the event already.
    """

    name = NAME
    tenant: TenantId | None = None
    most = 500

    def __init__(self, client: Client, key: str, longest: int) -> None:
        self._client = client
        self._key = key
        self._longest = longest

    def wants(self, message: Message) -> bool:
        return True

    async def publish(self, messages: Sequence[Message]) -> None:
        pipeline = self._client.pipeline(transaction=False)
        for message in messages:
            fields: dict[str, str | bytes] = {
                "id": str(message.position),
                "type": message.type,
                "tenant": message.tenant,
                "event": encoded(message),
            }
            pipeline.xadd(self._key, fields, maxlen=self._longest, approximate=True)  # type: ignore[arg-type]
        try:
            with redis_errors():
                await pipeline.execute()
        except RedisUnavailable as error:
            raise SinkUnavailable(str(error)) from error

    async def close(self) -> None:
        """Close the connection."""
        await close_redis(self._client)
