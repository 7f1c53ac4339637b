"""The sinks that events are carried to."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from application.notifications.carrier import Carrier
from application.notifications.ports import SinkDirectory
from application.shared.clock import Clock
from application.shared.ids import Ids
from bootstrap.settings import Settings
from domain.notifications.ports.event_log import EventLog
from domain.notifications.ports.sink import Sink
from domain.notifications.ports.sink_book import SinkBook
from domain.notifications.ports.webhook_book import WebhookBook
from domain.operations.ports.locks import Locks
from infrastructure.redis.client import open_redis
from infrastructure.redis.event_stream import RedisEventStream
from infrastructure.sink_lease import LockedLease
from infrastructure.webhooks.sender import WebhookSender, WebhookSink
from scheduler_sdk.job_types.addresses import is_public

REREAD_SECONDS = 2.0
"""A webhook that another node made is served so much later at most."""


class WebhookSinks(SinkDirectory):
    """Those of all tenants, read anew now and then: the relay asks at every commit."""

    def __init__(self, book: WebhookBook, clock: Clock, settings: Settings) -> None:
        self._book = book
        self._sender = WebhookSender(clock, is_public, allow_private=settings.private_webhooks)
        self._known: Sequence[Sink] = ()
        self._read_at: float | None = None

    async def sinks(self) -> Sequence[Sink]:
        now = asyncio.get_running_loop().time()
        if self._read_at is None or now - self._read_at >= REREAD_SECONDS:
            self._known = [WebhookSink(webhook, self._sender) for webhook in await self._book.all()]
            self._read_at = now
        return self._known

    async def close(self) -> None:
        """Close the connections to receivers."""
        await self._sender.close()


class Sinks(SinkDirectory):
    """Those of this installation, and those that come and go."""

    def __init__(self, fixed: Sequence[Sink] = (), *others: WebhookSinks) -> None:
        self._fixed = fixed
        self._others = others

    async def sinks(self) -> Sequence[Sink]:
        return [*self._fixed, *[sink for other in self._others for sink in await other.sinks()]]

    async def close(self) -> None:
        """Close what they have open."""
        for sink in self._fixed:
            if isinstance(sink, RedisEventStream):
                await sink.close()
        for other in self._others:
            await other.close()


def sinks_of(settings: Settings, webhooks: WebhookSinks) -> Sinks:
    """Those that the settings name. Raises `ValueError` for an address that is none."""
    stream = settings.event_stream
    if stream is None:
        return Sinks((), webhooks)
    return Sinks((RedisEventStream(open_redis(stream.url), settings.keys.events, stream.longest),), webhooks)


@dataclass(frozen=True, slots=True)
class Carriers:
    """Makes one for each sink."""

    log: EventLog
    book: SinkBook
    locks: Locks
    ids: Ids
    clock: Clock

    def __call__(self, sink: Sink) -> Carrier:
        return Carrier(sink, self.log, self.book, LockedLease(self.locks, sink.name), self.ids, self.clock)
