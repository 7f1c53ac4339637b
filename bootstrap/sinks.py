"""The sinks that events are carried to."""

from __future__ import annotations

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
from domain.operations.ports.locks import Locks
from infrastructure.redis.client import open_redis
from infrastructure.redis.event_stream import RedisEventStream
from infrastructure.sink_lease import LockedLease


class Sinks(SinkDirectory):
    """Those of this installation, and those that come and go."""

    def __init__(self, fixed: Sequence[Sink] = (), *others: SinkDirectory) -> None:
        self._fixed = fixed
        self._others = others

    async def sinks(self) -> Sequence[Sink]:
        return [*self._fixed, *[sink for other in self._others for sink in await other.sinks()]]

    async def close(self) -> None:
        """Close what they have open."""
        for sink in self._fixed:
            if isinstance(sink, RedisEventStream):
                await sink.close()


def sinks_of(settings: Settings) -> Sinks:
    """Those that the settings name. Raises `ValueError` for an address that is none."""
    stream = settings.event_stream
    if stream is None:
        return Sinks()
    return Sinks((RedisEventStream(open_redis(stream.url), settings.keys.events, stream.longest),))


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
